#include "cli/serve_command.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "cli/exit_code.h"
#include "serve/daemon.h"

namespace remit::cli {

namespace {

Task<> stop_on_signal(serve::Daemon* daemon, asio::signal_set* signals) {
  auto [error, signal] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
  if (error) co_return;
  daemon->stop();
  auto [again, second] = co_await signals->async_wait(asio::as_tuple(asio::use_awaitable));
  // Logs are durable and the spawner removes the sandboxes when we are gone.
  if (!again) std::_Exit(kOk);
}

Task<> serve_until_stopped(std::unique_ptr<serve::Daemon> daemon, asio::signal_set* signals) {
  co_await daemon->serve();
  signals->cancel();
  if (daemon->at_rest()) co_return;  // With the daemon goes its launcher, which keeps the io_context running.
  fmt::print("{} runs are left under way; the next `remit serve` goes on with them\n", daemon->runs());
  std::fflush(stdout);
  // Their coroutines still hold everything: leaving like this is what the log is made for.
  std::_Exit(kOk);
}

}  // namespace

int serve_command(const CommonFlags& flags, const std::string& listen, std::size_t runs) {
  asio::io_context io(1);
  serve::DaemonOptions options;
  options.data_folder = flags.data;
  options.environment = environment_variable;
  options.listen = listen;
  options.runs = runs;
  auto daemon = serve::Daemon::open(io, std::move(options));
  if (!daemon) return report(daemon.error());
  if (auto listening = (*daemon)->listen(); !listening) return report(listening.error());
  asio::signal_set signals(io, SIGINT, SIGTERM);
  fmt::print("serving {} on {}\n", (*daemon)->folder().path(), (*daemon)->folder().socket_path());
  if (const auto port = (*daemon)->port())
    fmt::print("and on loopback port {}, for who sends the key in {}\n", *port, (*daemon)->key_path());
  std::fflush(stdout);
  asio::co_spawn(io, stop_on_signal(daemon->get(), &signals), asio::detached);
  asio::co_spawn(io, serve_until_stopped(std::move(*daemon), &signals), asio::detached);
  io.run();
  return kOk;
}

}  // namespace remit::cli

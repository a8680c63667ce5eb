#include "http/detail/connect.h"

#include <fmt/format.h>
#include <sys/un.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>

namespace remit::http::detail {

namespace {

using tcp = asio::ip::tcp;
using ConnectionResult = Result<std::unique_ptr<Connection>>;

// getaddrinfo() cannot be interrupted: a caller whose time is over leaves, and its answer is thrown away when it comes.
struct Resolve {
  Resolve(asio::any_io_executor executor, std::shared_ptr<Deadlines> deadlines)
      : resolver(std::move(executor)), done(std::move(deadlines)) {}
  tcp::resolver resolver;
  Event done;
  boost::system::error_code error;
  std::vector<asio::ip::address> addresses;
};

Task<Result<std::vector<asio::ip::address>>> resolve(std::shared_ptr<ClientState> state, Url url, SteadyTime until) {
  boost::system::error_code not_literal;
  const auto literal = asio::ip::make_address(url.host, not_literal);
  if (!not_literal) co_return std::vector<asio::ip::address>{literal};
  if (state->resolves >= kConcurrentResolves) {
    co_return fail(Code::kResourceExhausted, "HTTP client: kConcurrentResolves name look-ups are in progress");
  }
  ++state->resolves;
  auto call = std::make_shared<Resolve>(state->executor, state->deadlines);
  call->resolver.async_resolve(url.host, std::to_string(url.port), tcp::resolver::numeric_service,
                               [call, state](boost::system::error_code error, tcp::resolver::results_type results) {
                                 --state->resolves;
                                 call->error = error;
                                 for (const auto& entry : results) {
                                   if (call->addresses.size() == kAddressesPerHost) break;
                                   call->addresses.push_back(entry.endpoint().address());
                                 }
                                 call->done.notify();
                               });
  const Event::Wake wake = co_await call->done.wait(until);
  if (wake == Event::Wake::kTimedOut)
    co_return fail(Code::kDeadlineExceeded, fmt::format("resolve {}: timed out", url.host));
  if (wake == Event::Wake::kCancelled) co_return fail(Code::kCancelled, fmt::format("resolve {}: cancelled", url.host));
  if (call->error || call->addresses.empty()) {
    co_return fail(Code::kUnavailable, fmt::format("resolve {}: {}", url.host, call->error.message()));
  }
  co_return std::move(call->addresses);
}

Task<ConnectionResult> connect_unix(std::shared_ptr<ClientState> state, std::string path, SteadyTime until) {
  if (path.size() >= sizeof sockaddr_un::sun_path)
    co_return fail(invalid_argument("the unix socket's path is too long: " + path));
  auto connection = std::make_unique<Connection>(state->executor, state->deadlines);
  const Result<> connected =
      co_await connection->wire.connect(asio::local::stream_protocol::endpoint(path), {until, {}});
  if (!connected) co_return fail(connected.error().wrap(path));
  co_return connection;
}

Task<ConnectionResult> connect_tcp(std::shared_ptr<ClientState> state, Url url, SteadyTime until) {
  REMIT_CO_TRY(const std::vector<asio::ip::address> addresses, co_await resolve(state, url, until));
  Error last(Code::kUnavailable, fmt::format("{} has no address", url.host));
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const std::string text = addresses[i].to_string();
    if (state->options.address_check) {
      if (Result<> allowed = state->options.address_check(text, url.port); !allowed) {
        last = allowed.error();
        continue;
      }
    }
    // One dead address must not use up the time of the others.
    const SteadyTime now = state->deadlines->now();
    const SteadyTime share = until == kNever ? kNever : now + (until - now) / std::int64_t(addresses.size() - i);
    auto connection = std::make_unique<Connection>(state->executor, state->deadlines);
    Result<> connected = co_await connection->wire.connect(tcp::endpoint(addresses[i], url.port), {share, {}});
    if (connected) co_return connection;
    last = connected.error().wrap(fmt::format("{} port {}", text, url.port));
    if (last.code() == Code::kCancelled) break;
  }
  co_return fail(std::move(last));
}

Task<ConnectionResult> connect_by_hook(std::shared_ptr<ClientState> state, Url url, SteadyTime until) {
  REMIT_CO_TRY(UniqueFd fd, co_await state->options.connector(url, until));
  REMIT_CO_TRY(Socket socket, Wire::adopt(state->executor, std::move(fd)));
  co_return std::make_unique<Connection>(std::move(socket), state->deadlines);
}

Task<ConnectionResult> dial(std::shared_ptr<ClientState> state, Url url, std::string unix_socket, SteadyTime until) {
  if (!unix_socket.empty()) co_return co_await connect_unix(std::move(state), std::move(unix_socket), until);
  if (state->options.connector) co_return co_await connect_by_hook(std::move(state), std::move(url), until);
  co_return co_await connect_tcp(std::move(state), std::move(url), until);
}

}  // namespace

Task<ConnectionResult> connect(std::shared_ptr<ClientState> state, Url url, std::string unix_socket, SteadyTime until) {
  ++state->stats.connects;
  REMIT_CO_TRY(std::unique_ptr<Connection> connection, co_await dial(state, url, std::move(unix_socket), until));
  if (url.is_tls()) {
    REMIT_CO_TRY(auto context, state->tls_context());
    boost::system::error_code not_literal;
    asio::ip::make_address(url.host, not_literal);
    REMIT_CO_CHECK_OK(co_await connection->wire.start_tls(std::move(context), url.host, !not_literal, {until, {}}));
  }
  co_return connection;
}

}  // namespace remit::http::detail

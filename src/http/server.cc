#include "http/server.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <boost/asio/detached.hpp>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "http/detail/listener.h"
#include "http/detail/session.h"

namespace remit::http {

namespace detail {

namespace {

constexpr std::size_t kRefusing = 16;  // Connections over the limit that are told so; further ones are just closed.
constexpr Duration kAcceptPause = std::chrono::milliseconds(50);  // After a failed accept, as when descriptors run out.

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

// Makes room by closing the connection that has been idle longest.
bool evict_idle(ServerState& state) {
  Session* oldest = nullptr;
  for (Session* session : state.sessions) {
    if (session->is_idle() && (oldest == nullptr || session->idle_since() < oldest->idle_since())) oldest = session;
  }
  if (oldest == nullptr) return false;
  oldest->cut();
  return true;
}

Result<> start_session(const std::shared_ptr<ServerState>& state, UniqueFd fd, Peer peer) {
  Session::Role role = Session::Role::kServe;
  if (state->sessions.size() >= state->options.limits.connections && !evict_idle(*state)) {
    ++state->stats.refused_connections;
    if (state->sessions.size() >= state->options.limits.connections + kRefusing) {
      return fail(Code::kResourceExhausted, "the server's limit of connections is reached");
    }
    role = Session::Role::kRefuse;
  }
  ++state->stats.accepted;
  REMIT_TRY(Socket socket, Wire::adopt(state->executor, std::move(fd)));
  Session::start(std::make_shared<Session>(state, std::move(socket), std::move(peer), role));
  return {};
}

// 0, or the error that ended it.
int accept_all(const std::shared_ptr<ServerState>& state, Listener& listener) {
  while (listener.descriptor.is_open()) {
    UniqueFd fd(::accept4(listener.descriptor.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) return errno == EINTR || errno == ECONNABORTED ? 0 : errno;
    Peer peer = listener.unix_path.empty() ? Peer{} : peer_of(fd.get(), listener.label);
    peer.label = listener.label;
    if (const Result<> started = start_session(state, std::move(fd), std::move(peer)); !started) {
      log::debug("http {}: {}", state->options.name, started.error().message());
    }
  }
  return 0;
}

Task<> accept_loop(std::shared_ptr<ServerState> state, std::shared_ptr<Listener> listener) {
  while (listener->descriptor.is_open()) {
    auto [error] = co_await listener->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                                            asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    const int failure = accept_all(state, *listener);
    if (failure == 0 || failure == EAGAIN || failure == EWOULDBLOCK) continue;
    log::warn("http {}: accept: {}", state->options.name, std::strerror(failure));
    co_await state->deadlines->clock().sleep_for(kAcceptPause);
  }
}

void listen_on(const std::shared_ptr<ServerState>& state, UniqueFd fd, std::string label, std::string path) {
  auto listener = std::make_shared<Listener>(state->executor, std::move(fd), std::move(label), std::move(path));
  state->listeners.push_back(listener);
  asio::co_spawn(state->executor, accept_loop(state, std::move(listener)), asio::detached);
}

// A handler that is told of its end may end others: hold them while walking.
std::vector<std::shared_ptr<Session>> living(const ServerState& state) {
  std::vector<std::shared_ptr<Session>> all;
  for (Session* session : state.sessions) {
    if (auto held = session->weak_from_this().lock()) all.push_back(std::move(held));
  }
  return all;
}

void cut_all(ServerState& state) {
  for (const auto& listener : state.listeners) listener->close();
  state.listeners.clear();
  for (const auto& session : living(state)) session->cut();
}

}  // namespace

ServerState::ServerState(asio::any_io_executor executor_in, ServerOptions options_in, Handler handler_in, Clock& clock)
    : executor(std::move(executor_in)),
      options(std::move(options_in)),
      handler(std::move(handler_in)),
      deadlines(std::make_shared<Deadlines>(executor, clock)) {}

}  // namespace detail

Server::Server(asio::any_io_executor executor, ServerOptions options, Handler handler) {
  Clock& clock = options.clock != nullptr ? *options.clock : detail::system_clock();
  state_ = std::make_shared<detail::ServerState>(std::move(executor), std::move(options), std::move(handler), clock);
}

Server::~Server() {
  state_->draining = true;
  detail::cut_all(*state_);
}

Result<std::uint16_t> Server::listen_tcp(std::string address, std::uint16_t port, std::string label, bool reuse_port) {
  REMIT_TRY(detail::BoundSocket bound, detail::bind_tcp(address, port, reuse_port));
  detail::listen_on(state_, std::move(bound.fd), std::move(label), "");
  return bound.port;
}

Result<> Server::listen_unix(std::string path, std::string label) {
  REMIT_TRY(UniqueFd fd, detail::bind_unix(path));
  detail::listen_on(state_, std::move(fd), std::move(label), std::move(path));
  return {};
}

Result<> Server::serve_fd(UniqueFd socket, std::string label) {
  if (state_->draining) return fail(Code::kFailedPrecondition, "the server is shutting down");
  Peer peer = detail::peer_of(socket.get(), label);
  return detail::start_session(state_, std::move(socket), std::move(peer));
}

Task<> Server::shutdown(Duration grace) {
  const std::shared_ptr<detail::ServerState> state = state_;
  state->draining = true;
  for (const auto& listener : state->listeners) listener->close();
  state->listeners.clear();
  for (const auto& session : detail::living(*state)) {
    if (session->is_idle()) session->cut();
  }
  if (!state->sessions.empty()) {
    state->all_ended = std::make_shared<detail::Event>(state->deadlines);
    if (co_await state->all_ended->wait(state->deadlines->now() + grace) != detail::Event::Wake::kNotified) {
      detail::cut_all(*state);
      if (co_await state->all_ended->wait(state->deadlines->now() + kAbandonAfter) != detail::Event::Wake::kNotified) {
        log::warn("http {}: {} handlers did not end when their connections were cut", state->options.name,
                  state->sessions.size());
      }
    }
    state->all_ended.reset();
  }
  state->deadlines->stop();
}

ServerStats Server::stats() const { return state_->stats; }

}  // namespace remit::http

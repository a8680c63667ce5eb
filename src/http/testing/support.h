// What the tests of this module share: a server on a thread of its own, a raw client socket, and a way to run one
// coroutine to its end.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "http/client.h"
#include "http/server.h"

namespace remit::http::testing {

using namespace std::chrono_literals;

inline constexpr Duration kPatience =
    std::chrono::seconds(20);  // Longer than any test should take, even when the machine is busy.

// Runs `task` alone on `context` and returns its result.
template <typename T>
T run_task(asio::io_context& context, Task<T> task) {
  std::optional<T> result;
  bool done = false;
  asio::co_spawn(context, std::move(task), [&](std::exception_ptr failure, T value) {
    if (!failure) result.emplace(std::move(value));
    done = true;
  });
  context.restart();
  while (!done && context.run_one_for(kPatience) > 0) {
  }
  EXPECT_TRUE(result.has_value()) << "the coroutine did not end, or threw";
  if (!result) std::abort();
  return std::move(*result);
}

inline Task<bool> as_value(Task<> task) {
  co_await std::move(task);
  co_return true;
}

// A blocking socket that says exactly what a test wants said.
class RawPeer {
 public:
  explicit RawPeer(UniqueFd fd) : fd_(std::move(fd)) {
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  static RawPeer connect_tcp(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << std::strerror(errno);
    return RawPeer(std::move(fd));
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t size = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (size <= 0) return;
      bytes.remove_prefix(std::size_t(size));
    }
  }
  // Until the peer closes; "<timeout>" is appended when it does not.
  std::string read_to_end() {
    while (read_more()) {
    }
    return std::exchange(seen_, {});
  }
  // Up to and with `mark`.
  std::string read_until(std::string_view mark) {
    for (;;) {
      if (const std::size_t at = seen_.find(mark); at != std::string::npos) {
        std::string front = seen_.substr(0, at + mark.size());
        seen_.erase(0, at + mark.size());
        return front;
      }
      if (!read_more()) return std::exchange(seen_, {}) + "<end>";
    }
  }
  void half_close() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  int fd() const { return fd_.get(); }

 private:
  bool read_more() {
    char buffer[65536];
    const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) seen_ += "<timeout>";
    if (size <= 0) return false;
    seen_.append(buffer, std::size_t(size));
    return true;
  }
  UniqueFd fd_;
  std::string seen_;
};

// A Server on its own thread, on an ephemeral port. stop() (or the end) shuts it down.
class ServerThread {
 public:
  explicit ServerThread(Handler handler, ServerOptions options = {}) {
    options.name = "test";
    server_ = std::make_unique<Server>(context_.get_executor(), std::move(options), std::move(handler));
    auto port = server_->listen_tcp("127.0.0.1", 0, "loopback");
    EXPECT_TRUE(port.has_value()) << port.error().to_string();
    port_ = port.value_or(0);
  }
  ~ServerThread() { stop(); }
  // Before start(): the server may be touched from the test's thread.
  Server& server() { return *server_; }
  void start() {
    thread_ = std::thread([this] { context_.run(); });
  }
  std::uint16_t port() const { return port_; }
  std::string url(std::string_view target) const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }
  RawPeer dial() const { return RawPeer::connect_tcp(port_); }
  asio::io_context& context() { return context_; }

  // Runs `function` on the server's thread and returns its result.
  template <typename Function>
  auto ask(Function function) {
    std::promise<decltype(function())> promise;
    asio::post(context_, [&] { promise.set_value(function()); });
    return promise.get_future().get();
  }
  ServerStats stats() {
    return ask([this] { return server_->stats(); });
  }
  // Polls until `condition` of the stats holds.
  template <typename Condition>
  bool eventually(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition(stats())) return true;
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  std::future<void> begin_shutdown(Duration grace) {
    auto promise = std::make_shared<std::promise<void>>();
    asio::post(context_, [this, grace, promise] {
      asio::co_spawn(context_, server_->shutdown(grace), [promise](std::exception_ptr) { promise->set_value(); });
    });
    return promise->get_future();
  }
  void stop() {
    if (!thread_.joinable()) return;
    begin_shutdown(Duration::zero()).get();
    work_.reset();
    thread_.join();
  }

 private:
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// A server that accepts connections one after the other and answers the bytes it was given, whatever comes.
class ScriptedServer {
 public:
  struct Connection {
    std::vector<std::string> answers;  // One after each request head that arrives.
    bool then_close = true;
  };
  explicit ScriptedServer(std::vector<Connection> script) : script_(std::move(script)) {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 16), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::string url(std::string_view target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(target);
  }
  std::vector<std::string> heads() const { return heads_; }  // After the calls have ended.

 private:
  void run() {
    std::vector<RawPeer> kept;
    for (const Connection& connection : script_) {
      UniqueFd fd(::accept(listener_.get(), nullptr, nullptr));
      if (!fd) return;
      RawPeer peer(std::move(fd));
      for (const std::string& answer : connection.answers) {
        heads_.push_back(peer.read_until("\r\n\r\n"));
        peer.send(answer);
      }
      if (!connection.then_close) kept.push_back(std::move(peer));
    }
    // Connections that stay open live until the test ends the script.
    pollfd waiting{listener_.get(), POLLIN, 0};
    ::poll(&waiting, 1, kept.empty() ? 0 : 20000);
  }
  std::vector<Connection> script_;
  UniqueFd listener_;
  std::uint16_t port_ = 0;
  std::vector<std::string> heads_;
  std::thread thread_;
};

}  // namespace remit::http::testing

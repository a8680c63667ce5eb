// ClientState: what all calls of one Client share: options, time-outs, the TLS context and a pool of connections per
// origin.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "http/client.h"
#include "http/detail/deadlines.h"
#include "http/detail/flat_buffer.h"
#include "http/detail/wire.h"

namespace remit::http::detail {

struct Connection final : private Deadlines::Entry {
  Connection(asio::any_io_executor executor, std::shared_ptr<Deadlines> deadlines)
      : Deadlines::Entry(deadlines), wire(Socket(std::move(executor)), deadlines) {}
  Connection(Socket socket, std::shared_ptr<Deadlines> deadlines)
      : Deadlines::Entry(deadlines), wire(std::move(socket), deadlines) {}

  // A kept connection closes itself when nobody used it for `length`.
  void start_idle(Duration length) { set(deadlines().now() + length); }
  void end_idle() { clear(); }

  Wire wire;
  FlatBuffer in;
  bool reused = false;

 private:
  void on_expired() override { wire.close(); }
};

struct Pool {
  std::deque<std::unique_ptr<Connection>> idle;
  std::size_t active = 0;
  std::deque<Event*> waiters;
};

struct ClientState : std::enable_shared_from_this<ClientState> {
  ClientState(asio::any_io_executor executor_in, ClientOptions options_in, Clock& clock);

  // The pool of an origin, made when it is new; kResourceExhausted at kOrigins of them in use.
  Result<Pool*> pool_of(const std::string& key);
  // A kept connection that is not stale, or null.
  std::unique_ptr<Connection> take_idle(Pool& pool);
  void close_idle();
  Result<std::shared_ptr<asio::ssl::context>> tls_context();

  asio::any_io_executor executor;
  ClientOptions options;
  std::shared_ptr<Deadlines> deadlines;
  std::unordered_map<std::string, Pool> pools;
  std::shared_ptr<asio::ssl::context> tls;
  std::size_t resolves = 0;
  ClientStats stats;
  bool closing = false;  // The Client is gone: nothing is kept any more.
};

// A place in an origin's pool, and the connection in it. Ends with the connection kept (keep()) or closed.
class Lease {
 public:
  Lease() = default;
  Lease(std::shared_ptr<ClientState> state, std::string key);  // Counts as active from here.
  Lease(Lease&& other) noexcept = default;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease() { release(); }

  explicit operator bool() const { return connection != nullptr; }
  void keep();
  void release();

  std::unique_ptr<Connection> connection;

 private:
  void free_place(std::unique_ptr<Connection> kept);
  std::shared_ptr<ClientState> state_;
  std::string key_;
};

}  // namespace remit::http::detail

// Server: HTTP/1.1 (RFC 9110, RFC 9112; HTTP/1.0 clients are answered too) over TCP, unix sockets and already connected
// sockets.
//
// All of a Server's work happens on the one thread of its executor's io_context; call it only there. Its coroutines
// outlive the Server object safely. Messages that two readers could understand differently are refused with 400 and the
// connection is closed.
#pragma once

#include <sys/types.h>

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/unique_fd.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/sse.h"

namespace remit::http {

namespace detail {
class Session;
struct ServerState;
}  // namespace detail

struct Peer {
  enum class Kind : std::uint8_t { kTcp, kUnix };
  Kind kind = Kind::kTcp;
  std::string address;       // "127.0.0.1:50312"; "" for a unix socket.
  std::optional<uid_t> uid;  // Unix sockets: who connected (SO_PEERCRED).
  std::optional<pid_t> pid;
  std::string label;  // What listen_…() or serve_fd() was given: which door this is.
};

// One request, as its handler sees it. Valid until the handler's task ends; views in it as well.
class ServerRequest {
 public:
  std::string_view method() const;
  std::string_view target() const;  // Origin form ("/path?query"), or "*".
  std::string_view path() const;    // Not decoded.
  std::string_view query() const;
  const HeaderTable& headers() const;
  int minor_version() const;  // 1 for HTTP/1.1
  const Peer& peer() const;

  bool has_body() const;
  // The whole body. kResourceExhausted when it is over max_bytes or the server's own limit; the answer to that is 413.
  Task<Result<std::string>> read_body(std::size_t max_bytes = kServerBodyBytes);
  // The next piece of the body, nullopt at its end.
  Task<Result<std::optional<std::string>>> read_some();

  // Whether the client has gone (it closed its side, or the server was told to stop at once). It is noticed once the
  // body has been read.
  bool disconnected() const;
  // Runs `callback` once, on the server's thread, when the client goes while the handler is at work; at once when it
  // has gone already. It is forgotten when the handler's task ends.
  void on_disconnect(std::function<void()> callback);

 private:
  friend class detail::Session;
  explicit ServerRequest(detail::Session* session) : session_(session) {}

  detail::Session* session_;
};

// The answer to one request: either send(), or begin(), any number of write()s, finish(). Every write waits until the
// kernel took the bytes: that is the backpressure. A handler that returns without an answer has answered 500; one that
// began and did not finish has cut the connection, so that the client sees a broken message and not a short one.
class ResponseWriter {
 public:
  // The whole answer. Content-Length, Transfer-Encoding, Connection, Keep-Alive and Date are the server's own: such
  // fields of `response` are left out, but "Connection: close" is heeded. A HEAD request gets the head only.
  Task<Result<>> send(Response response);
  // The same without a copy of the body, which must stay until the task ends.
  Task<Result<>> send(int status, std::string_view content_type, std::string_view body);

  // A streamed answer; chunked, or ended by closing for an HTTP/1.0 client. With `length`, exactly that many bytes must
  // follow.
  Task<Result<>> begin(int status, HeaderTable headers, std::optional<std::uint64_t> length = std::nullopt);
  Task<Result<>> write(std::string_view bytes);
  Task<Result<>> finish();

  // begin() with the fields of an event stream (text/event-stream, no-store); then events.
  Task<Result<>> begin_sse(int status = 200, HeaderTable headers = {});
  Task<Result<>> write_event(SseEvent event);
  Task<Result<>> write_comment(std::string_view text);

  bool began() const;
  bool finished() const;
  // Cuts the connection.
  void abort();

 private:
  friend class detail::Session;
  explicit ResponseWriter(detail::Session* session) : session_(session) {}
  detail::Session* session_;
};

// Runs for each request on the server's thread. It must be no lambda that is itself a coroutine and captures; a lambda
// that calls one is fine.
using Handler = std::function<Task<>(ServerRequest& request, ResponseWriter& response)>;

struct ServerOptions {
  ServerLimits limits;
  ServerTimeouts timeouts;
  std::string name;        // For the log.
  Clock* clock = nullptr;  // The system's when null. Must outlive the server's coroutines.
};

struct ServerStats {
  std::size_t connections = 0;  // Now.
  std::size_t busy = 0;         // Now, in a handler.
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t refused_connections = 0;  // Over the limit.
  std::uint64_t bad_requests = 0;         // Answered by the server itself with 4xx or 5xx.
};

class Server {
 public:
  Server(asio::any_io_executor executor, ServerOptions options, Handler handler);
  ~Server();  // Closes everything at once.
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Address and port, 0 for any free one; returns the port. With reuse_port several servers (one a shard) share it.
  Result<std::uint16_t> listen_tcp(std::string address, std::uint16_t port, std::string label = "",
                                   bool reuse_port = false);
  // Mode 0600. A socket file of a server that no longer answers is replaced; a living one is kAlreadyExists.
  Result<> listen_unix(std::string path, std::string label = "");
  // Serves one connected stream socket (unix or TCP); its peer label is `label`.
  Result<> serve_fd(UniqueFd socket, std::string label = "");

  // Stops accepting, closes idle connections, lets requests in flight finish until `grace` is over, then cuts the rest,
  // telling their handlers through on_disconnect(). Returns when every handler has ended (or kAbandonAfter after the
  // cut, with a line in the log).
  Task<> shutdown(Duration grace);
  static constexpr Duration kAbandonAfter = std::chrono::seconds(5);

  ServerStats stats() const;

 private:
  std::shared_ptr<detail::ServerState> state_;
};

}  // namespace remit::http

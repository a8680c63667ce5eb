// Client: HTTP/1.1 calls over TCP, TLS (host name and chain verified against the system's authorities) and unix
// sockets, with a pool of kept connections per origin.
//
// One thread: the one of its executor's io_context. Streams and calls in flight keep what they need alive, so that a
// Client may go before them. A call is repeated only when a kept connection proved stale before any byte of an answer,
// and only if its method is idempotent or CallOptions::replayable says so. Redirects are not followed; content codings
// are not decoded.
//
// Errors: kInvalidArgument (the request cannot be sent as it is), kUnavailable (resolve, connect, TLS, connection
// lost), kDeadlineExceeded, kCancelled, kResourceExhausted (a named limit), kDataLoss (the answer ended early or is not
// valid HTTP). Any status is a success here.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "base/unique_fd.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/url.h"

namespace remit::http {

struct CallOptions {
  // From the call to the last byte of its answer; zero: no bound. For a watch use zero here and `idle` below.
  Duration total = std::chrono::minutes(10);
  std::optional<SteadyTime> deadline;  // As well as `total`; the earlier one holds.
  Duration connect =
      std::chrono::seconds(10);  // Resolve, connect and TLS handshake; also the wait for a place in the pool.
  Duration first_byte =
      std::chrono::minutes(5);  // From the request's last byte to the head of the answer; zero: no bound.
  Duration idle =
      std::chrono::minutes(2);  // Between two pieces of the answer's body, or of the request's; zero: no bound.
  std::size_t max_body = kClientBodyBytes;  // For fetch(); a stream has no bound of its own.
  bool replayable = false;                  // May be sent twice although its method is not idempotent.
};

// Replaces name resolution and connecting: returns a connected, non-blocking stream socket to the URL's host and port,
// by `deadline`. TLS is laid over it by the client, for the URL's host. An egress proxy dials the address that it has
// checked.
using Connector = std::function<Task<Result<UniqueFd>>(Url url, SteadyTime deadline)>;
// Asked for every address before it is dialled ("203.0.113.7", port), and exactly this address is then dialled; an
// error refuses it.
using AddressCheck = std::function<Result<>(const std::string& address, std::uint16_t port)>;

struct ClientOptions {
  std::size_t head_bytes = kHeadBytes;
  std::size_t header_count = kHeaderCount;
  std::size_t connections_per_origin = kConnectionsPerOrigin;
  std::size_t idle_per_origin = kIdlePerOrigin;
  Duration idle_timeout = std::chrono::seconds(30);  // A kept connection is closed after this.
  std::string user_agent = "remit/" REMIT_VERSION;
  std::string ca_file;         // Authorities in PEM beside the system's own; for tests and private endpoints.
  Connector connector;         // Null: resolve and connect.
  AddressCheck address_check;  // Null: any address.
  Clock* clock = nullptr;      // The system's when null. Must outlive the client's calls.
};

namespace detail {
class ClientCall;
struct ClientState;
}  // namespace detail

// An answer whose head has come. Destroying it before its end closes the connection; after its end the connection goes
// back to the pool.
class ResponseStream {
 public:
  explicit ResponseStream(std::unique_ptr<detail::ClientCall> call);
  ~ResponseStream();
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  int status() const;
  const HeaderTable& headers() const;
  // The next piece of the body (at most kReadBytes), nullopt at its proper end. An end that comes early is kDataLoss.
  Task<Result<std::optional<std::string>>> read_some();
  Task<Result<std::string>> read_all(std::size_t max_bytes = kClientBodyBytes);
  // Ends the call from outside its coroutine (same thread): a read that waits fails with kCancelled.
  void cancel();

 private:
  std::unique_ptr<detail::ClientCall> call_;
};

struct ClientStats {
  std::size_t active = 0;  // Connections in use now.
  std::size_t idle = 0;    // Kept connections now.
  std::uint64_t connects = 0;
  std::uint64_t calls = 0;
  std::uint64_t retries = 0;  // After a stale kept connection.
};

class Client {
 public:
  explicit Client(asio::any_io_executor executor, ClientOptions options = {});
  ~Client();  // Closes idle connections; streams go on.
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The whole answer.
  Task<Result<Response>> fetch(Request request, CallOptions options = {});
  // Returns when the head of the answer has come.
  Task<Result<std::unique_ptr<ResponseStream>>> open(Request request, CallOptions options = {});

  void close_idle();
  ClientStats stats() const;

 private:
  std::shared_ptr<detail::ClientState> state_;
};

}  // namespace remit::http

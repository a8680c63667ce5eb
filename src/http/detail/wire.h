// Wire: one connected stream socket, plain or under TLS, with a bound on the time of every operation. One reader and
// one writer at a time.
#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "http/detail/deadlines.h"

namespace remit::http::detail {

using Socket = asio::generic::stream_protocol::socket;
using WriteParts = std::array<asio::const_buffer, 3>;

// An operation ends by `until`, and makes progress at least every `gap` (zero: no such bound).
struct IoBound {
  SteadyTime until = kNever;
  Duration gap{0};
};

class Wire final : private Deadlines::Entry {
 public:
  Wire(Socket socket, std::shared_ptr<Deadlines> deadlines);

  // Takes a connected socket of any family.
  static Result<Socket> adopt(asio::any_io_executor executor, UniqueFd fd);

  // Connects a socket that is not yet open.
  Task<Result<>> connect(asio::generic::stream_protocol::endpoint endpoint, IoBound bound);
  // TLS from here on, as a client. Bytes before it are lost to TLS: call it first.
  Task<Result<>> start_tls(std::shared_ptr<asio::ssl::context> context, std::string host, bool host_is_address,
                           IoBound bound);

  // The number of bytes read, 0 at the end of the stream. kDeadlineExceeded, kCancelled, kUnavailable.
  Task<Result<std::size_t>> read(asio::mutable_buffer into, IoBound bound);
  Task<Result<>> write(WriteParts parts, IoBound bound);
  // What the kernel takes now (plain sockets only); true when that was all. Advances `parts`.
  Result<bool> try_write(WriteParts& parts);
  // Runs `handler(error_code)` when the socket becomes readable or is closed.
  template <typename WaitHandler>
  void async_wait_readable(WaitHandler handler) {
    socket_.async_wait(Socket::wait_read, std::move(handler));
  }

  bool is_tls() const { return tls_ != nullptr; }
  int fd() { return socket_.native_handle(); }
  bool is_open() const { return socket_.is_open(); }
  // Every operation, now and later, fails with kCancelled.
  void cancel();
  bool cancelled() const { return cancelled_; }
  void shutdown_write();
  void close();
  // The peer sees a reset and not an end of stream.
  void reset();
  // A kept connection that the peer has closed, or that has bytes nobody asked for.
  bool is_stale();
  SteadyTime now() const { return deadlines().now(); }

 private:
  using TlsStream = asio::ssl::stream<Socket&>;
  void on_expired() override;
  void start_clock(IoBound bound);
  Error error_of(const char* operation, boost::system::error_code error) const;
  Task<Result<>> write_tls(WriteParts parts, IoBound bound);

  Socket socket_;
  std::shared_ptr<asio::ssl::context> context_;
  std::unique_ptr<TlsStream> tls_;
  bool expired_ = false;
  bool cancelled_ = false;
};

}  // namespace remit::http::detail

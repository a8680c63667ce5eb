#include "http/detail/wire.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

namespace remit::http::detail {

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

void advance(WriteParts& parts, std::size_t written) {
  for (asio::const_buffer& part : parts) {
    const std::size_t step = std::min(written, part.size());
    part += step;
    written -= step;
  }
}

Result<> expect_host(SSL* ssl, const std::string& host, bool host_is_address) {
  X509_VERIFY_PARAM* param = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = host_is_address ? X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str())
                                  : X509_VERIFY_PARAM_set1_host(param, host.c_str(), host.size());
  if (set != 1) return fail(internal_error("TLS: cannot set the expected host name"));
  // RFC 6066: no address in server_name.
  if (!host_is_address && SSL_set_tlsext_host_name(ssl, host.c_str()) != 1) {
    return fail(internal_error("TLS: cannot set the server name"));
  }
  constexpr unsigned char kProtocols[] = "\x08http/1.1";
  SSL_set_alpn_protos(ssl, kProtocols, sizeof(kProtocols) - 1);
  return {};
}

}  // namespace

Wire::Wire(Socket socket, std::shared_ptr<Deadlines> deadlines)
    : Deadlines::Entry(std::move(deadlines)), socket_(std::move(socket)) {}

Result<Socket> Wire::adopt(asio::any_io_executor executor, UniqueFd fd) {
  int family = 0;
  int type = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
    return fail(errno_error("the descriptor is no socket", errno));
  }
  size = sizeof type;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_STREAM) {
    return fail(invalid_argument("the descriptor is no stream socket"));
  }
  if (family == AF_INET || family == AF_INET6) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  Socket socket(std::move(executor));
  boost::system::error_code error;
  socket.assign(asio::generic::stream_protocol(family, 0), fd.get(), error);
  if (error) return fail(Code::kInternal, "adopt a socket: " + error.message());
  fd.release();
  socket.non_blocking(true, error);
  if (error) return fail(Code::kInternal, "adopt a socket: " + error.message());
  return socket;
}

Task<Result<>> Wire::connect(asio::generic::stream_protocol::endpoint endpoint, IoBound bound) {
  start_clock(bound);
  auto [error] = co_await socket_.async_connect(endpoint, kNoThrow);
  clear();
  if (error) co_return fail(error_of("connect", error));
  const int family = endpoint.protocol().family();
  if (family == AF_INET || family == AF_INET6) {
    boost::system::error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  }
  co_return Result<>();
}

Task<Result<>> Wire::start_tls(std::shared_ptr<asio::ssl::context> context, std::string host, bool host_is_address,
                               IoBound bound) {
  context_ = std::move(context);
  tls_ = std::make_unique<TlsStream>(socket_, *context_);
  REMIT_CO_CHECK_OK(expect_host(tls_->native_handle(), host, host_is_address));
  start_clock(bound);
  auto [error] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kNoThrow);
  clear();
  if (!error) co_return Result<>();
  const long verified = SSL_get_verify_result(tls_->native_handle());
  if (verified != X509_V_OK && !expired_ && !cancelled_) {
    co_return fail(Code::kUnavailable, fmt::format("TLS: the certificate of {} is not accepted: {}", host,
                                                   X509_verify_cert_error_string(verified)));
  }
  co_return fail(error_of("TLS handshake", error));
}

Task<Result<std::size_t>> Wire::read(asio::mutable_buffer into, IoBound bound) {
  if (cancelled_) co_return fail(error_of("read", asio::error::operation_aborted));
  start_clock(bound);
  boost::system::error_code error;
  std::size_t size = 0;
  if (tls_ != nullptr) {
    std::tie(error, size) = co_await tls_->async_read_some(into, kNoThrow);
  } else {
    std::tie(error, size) = co_await socket_.async_read_some(into, kNoThrow);
  }
  clear();
  if (!error) co_return size;
  if (error == asio::error::eof) co_return std::size_t(0);
  co_return fail(error_of("read", error));
}

Result<bool> Wire::try_write(WriteParts& parts) {
  if (cancelled_ || !socket_.is_open()) return fail(error_of("write", asio::error::operation_aborted));
  std::array<iovec, 3> vectors;
  for (;;) {
    std::size_t count = 0;
    std::size_t total = 0;
    for (const asio::const_buffer& part : parts) {
      if (part.size() == 0) continue;
      vectors[count++] = {const_cast<void*>(part.data()), part.size()};
      total += part.size();
    }
    if (total == 0) return true;
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    const ssize_t written = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
      return fail(Code::kUnavailable, fmt::format("write: {}", std::strerror(errno)));
    }
    if (std::size_t(written) == total) return true;
    advance(parts, std::size_t(written));
  }
}

Task<Result<>> Wire::write(WriteParts parts, IoBound bound) {
  if (tls_ != nullptr) co_return co_await write_tls(parts, bound);
  for (;;) {
    REMIT_CO_TRY(const bool done, try_write(parts));
    if (done) co_return Result<>();
    start_clock(bound);
    auto [error] = co_await socket_.async_wait(Socket::wait_write, kNoThrow);
    clear();
    if (error) co_return fail(error_of("write", error));
  }
}

Task<Result<>> Wire::write_tls(WriteParts parts, IoBound bound) {
  while (asio::buffer_size(parts) > 0) {
    if (cancelled_) co_return fail(error_of("write", asio::error::operation_aborted));
    start_clock(bound);
    auto [error, size] = co_await tls_->async_write_some(parts, kNoThrow);
    clear();
    if (error) co_return fail(error_of("write", error));
    advance(parts, size);
  }
  co_return Result<>();
}

void Wire::start_clock(IoBound bound) {
  expired_ = false;
  SteadyTime at = bound.until;
  if (bound.gap != Duration::zero()) at = std::min(at, now() + bound.gap);
  set(at);
}

void Wire::on_expired() {
  expired_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Wire::cancel() {
  cancelled_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

Error Wire::error_of(const char* operation, boost::system::error_code error) const {
  if (cancelled_) return {Code::kCancelled, fmt::format("{}: cancelled", operation)};
  if (expired_) return {Code::kDeadlineExceeded, fmt::format("{}: timed out", operation)};
  if (error == asio::error::operation_aborted) return {Code::kCancelled, fmt::format("{}: cancelled", operation)};
  return {Code::kUnavailable, fmt::format("{}: {}", operation, error.message())};
}

void Wire::shutdown_write() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

void Wire::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Wire::reset() {
  boost::system::error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

bool Wire::is_stale() {
  char byte = 0;
  const ssize_t size = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  // Under TLS a peer may have sent a session ticket; only an end shows staleness.
  if (size > 0) return tls_ == nullptr;
  return size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace remit::http::detail

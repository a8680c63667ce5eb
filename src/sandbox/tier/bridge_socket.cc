#include "sandbox/tier/bridge_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "sandbox/process.h"

namespace remit::sandbox {

namespace {

bool has_option(int fd, int option, int wanted) {
  int value = 0;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

// A sandbox that took over its PID 1 could send any descriptor it has; only a TCP connection on its own loopback is
// served.
bool is_bridge_connection(int fd, std::uint16_t port) {
  if (!has_option(fd, SO_DOMAIN, AF_INET) || !has_option(fd, SO_TYPE, SOCK_STREAM) ||
      !has_option(fd, SO_PROTOCOL, IPPROTO_TCP) || !has_option(fd, SO_ACCEPTCONN, 0)) {
    return false;
  }
  sockaddr_in local{};
  socklen_t size = sizeof(local);
  return ::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
         local.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && local.sin_port == htons(port);
}

// About what one waiting descriptor costs of a socket's buffer, of which the kernel doubles the figure that it is
// given.
constexpr int kBufferPerDescriptor = 384;

}  // namespace

Result<std::unique_ptr<BridgeSocket>> BridgeSocket::open(asio::any_io_executor executor, std::uint16_t port,
                                                         UniqueFd& theirs) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail(errno_error("sandbox: bridge socket", errno));
  UniqueFd ours(pair[0]);
  theirs.reset(pair[1]);
  const int bytes = static_cast<int>(limits::kBridgeBacklog) * kBufferPerDescriptor;
  ::setsockopt(theirs.get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  return std::make_unique<BridgeSocket>(std::move(executor), std::move(ours), port);
}

BridgeSocket::BridgeSocket(asio::any_io_executor executor, UniqueFd fd, std::uint16_t port)
    : executor_(executor), socket_(std::move(executor), fd.release()), port_(port) {
  socket_.non_blocking(true);
}

Result<std::optional<UniqueFd>> BridgeSocket::receive() {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = ::recvmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<UniqueFd>();
  const cmsghdr* rights = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (size <= 0) return fail(Code::kUnavailable, "sandbox: the sandbox has ended");
  UniqueFd fd;
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
      rights->cmsg_len == CMSG_LEN(sizeof(int))) {
    int number = -1;
    std::memcpy(&number, CMSG_DATA(rights), sizeof(number));
    fd.reset(number);
  }
  return std::optional<UniqueFd>(std::move(fd));
}

Task<Result<asio::ip::tcp::socket>> BridgeSocket::accept(std::shared_ptr<BridgeSocket> self) {
  for (;;) {
    if (self->closed_) co_return fail(Code::kUnavailable, "sandbox: the sandbox has ended");
    REMIT_CO_TRY(std::optional<UniqueFd> got, self->receive());
    if (!got) {
      co_await self->socket_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
      continue;
    }
    if (!*got || !is_bridge_connection(got->get(), self->port_)) continue;
    asio::ip::tcp::socket connection(self->executor_);
    boost::system::error_code error;
    connection.assign(asio::ip::tcp::v4(), got->get(), error);
    if (error) co_return fail(Code::kInternal, fmt::format("sandbox: bridge connection: {}", error.message()));
    got->release();
    co_return connection;
  }
}

void BridgeSocket::close() {
  closed_ = true;
  socket_.cancel();
}

}  // namespace remit::sandbox

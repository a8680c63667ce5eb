#include "sandbox/spawner/channel.h"

#include <string.h>
#include <sys/socket.h>

namespace remit::spawner {

namespace {

alignas(8) char buffer[sandbox::wire::kMessageBytes];

void take_descriptors(msghdr& message, Received& out) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      ::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
      if (out.fd_count < sandbox::wire::kFds + 1) {
        out.fds[out.fd_count++] = Fd(fd);
      } else {
        ::close(fd);
      }
    }
  }
}

}  // namespace

Receive receive(Received& out) {
  iovec part{buffer, sizeof(buffer)};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * (sandbox::wire::kFds + 1))];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  const ssize_t size = ::recvmsg(kDaemonSocket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR ? Receive::kNothing : Receive::kEnded;
  take_descriptors(message, out);
  if (size == 0) return Receive::kEnded;
  out.data = buffer;
  out.size = static_cast<std::size_t>(size);
  out.is_cut = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  return Receive::kMessage;
}

void send_reply(const char* data, std::size_t size) {
  while (::send(kDaemonSocket, data, size, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

}  // namespace remit::spawner

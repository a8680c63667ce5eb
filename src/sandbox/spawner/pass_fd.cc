#include "sandbox/spawner/pass_fd.h"

#include <string.h>
#include <sys/socket.h>

namespace remit::spawner {

namespace {

struct OneFd {
  char byte = 1;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  OneFd() {
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
  }
};

}  // namespace

bool pass_fd(int socket, int fd, int flags) {
  OneFd one;
  cmsghdr* rights = CMSG_FIRSTHDR(&one.message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int));
  ::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  return ::sendmsg(socket, &one.message, flags | MSG_NOSIGNAL) == 1;
}

bool receive_fd(int socket, Fd& out) {
  OneFd one;
  const ssize_t size = ::recvmsg(socket, &one.message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  const cmsghdr* rights = CMSG_FIRSTHDR(&one.message);
  if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS || rights->cmsg_len != CMSG_LEN(sizeof(int))) return true;
  int fd = -1;
  ::memcpy(&fd, CMSG_DATA(rights), sizeof(fd));
  out = Fd(fd);
  return true;
}

}  // namespace remit::spawner

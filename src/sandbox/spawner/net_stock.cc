#include "sandbox/spawner/net_stock.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox/spawner/bridge.h"
#include "sandbox/spawner/pass_fd.h"

namespace remit::spawner {

namespace {

Fd open_network(int host_proc) { return Fd(::openat(host_proc, "self/ns/net", O_RDONLY | O_CLOEXEC)); }

[[noreturn]] void make_networks(int socket, int host_proc) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::prctl(PR_SET_NAME, "remit-networks", 0, 0, 0);
  Fd home = open_network(host_proc);
  char byte = 0;
  // Ends with the spawner's end of the socket.
  while (home && ::recv(socket, &byte, 1, 0) == 1) {
    if (::unshare(CLONE_NEWNET) != 0 || !raise_loopback().ok()) ::_exit(1);
    Fd fresh = open_network(host_proc);
    if (!fresh || ::setns(home.get(), CLONE_NEWNET) != 0 || !pass_fd(socket, fresh.get(), 0)) ::_exit(1);
  }
  ::_exit(0);
}

}  // namespace

Status NetStock::start(int host_proc) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return failed(Stage::kNetwork);
  socket_ = Fd(pair[0]);
  Fd theirs(pair[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return failed(Stage::kNetwork);
  if (pid == 0) {
    // On numbers of its own, so that everything else can be closed.
    if (::dup2(theirs.get(), 900) != 900 || ::dup2(host_proc, 901) != 901) ::_exit(1);
    ::close_range(902, ~0u, 0);
    ::close_range(0, 899, 0);
    make_networks(900, 901);
  }
  for (std::size_t i = 0; i < kStockedNetworks; ++i) ask();
  return kOk;
}

void NetStock::ask() {
  const char byte = 1;
  ::send(socket_.get(), &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void NetStock::on_readable() {
  Fd fd;
  if (!receive_fd(socket_.get(), fd)) {
    socket_.reset();  // The helper is gone: every sandbox makes its own from now on.
    return;
  }
  if (fd && count_ < kStockedNetworks) ready_[count_++] = static_cast<Fd&&>(fd);
}

Fd NetStock::take() {
  if (count_ == 0) return Fd();
  ask();
  return static_cast<Fd&&>(ready_[--count_]);
}

}  // namespace remit::spawner

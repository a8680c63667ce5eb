#include "sandbox/spawner/init.h"

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sandbox/spawner/bridge.h"
#include "sandbox/spawner/command.h"
#include "sandbox/spawner/confine.h"

namespace remit::spawner {

using sandbox::wire::kFds;
using sandbox::wire::Report;

namespace {

// Numbers of the descriptors that PID 1 keeps. All others go, among them the spawner's own doors to the host.
constexpr int kKeptFrom = 700;

struct Kept {
  int fds[kFds];
  int bridge = -1;
  int report = -1;
  int alive = -1;
  int kill_file = -1;  // The leaf's own cgroup.kill: for leaving fast when many are left behind.
  int listener = -1;
};

void send(int report, const Report& what) { ::send(report, &what, sizeof(what), MSG_NOSIGNAL); }

[[noreturn]] void give_up(int report, Status status) {
  Report what;
  what.kind = Report::kFailed;
  what.stage = static_cast<std::uint8_t>(status.stage);
  what.error = static_cast<std::uint32_t>(status.error);
  send(report, what);
  ::_exit(1);
}

bool keep(int from, int& number, int& out) {
  if (from < 0) return true;
  out = ::fcntl(from, F_DUPFD_CLOEXEC, number);
  number = out + 1;
  return out >= 0;
}

bool keep_descriptors(const InitContext& context, int kill_file, int listener, Kept& kept) {
  int number = kKeptFrom;
  bool ok = true;
  for (std::uint32_t i = 0; i < context.start->fd_count; ++i) ok = ok && keep(context.fds[i], number, kept.fds[i]);
  ok = ok && keep(context.bridge, number, kept.bridge) && keep(context.report, number, kept.report) &&
       keep(context.alive, number, kept.alive) && keep(kill_file, number, kept.kill_file) &&
       keep(listener, number, kept.listener);
  if (!ok) return false;
  return ::close_range(static_cast<unsigned>(number), ~0u, 0) == 0 && ::close_range(0, kKeptFrom - 1, 0) == 0;
}

// Whether a descriptor's other end is gone.
bool has_ended(int fd) {
  pollfd one{fd, 0, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLHUP | POLLERR)) != 0;
}

Status enter_network(int network) {
  if (network >= 0) return ::setns(network, CLONE_NEWNET) == 0 ? kOk : failed(Stage::kNetwork);
  if (::unshare(CLONE_NEWNET) != 0) return failed(Stage::kNamespaces);
  return raise_loopback();
}

Status set_up(InitContext& context, Kept& kept) {
  const sandbox::wire::Start& start = *context.start;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (const int error = enter_leaves(*context.leaves); error != 0) return {Stage::kCgroup, error};
  if (::unshare(CLONE_NEWCGROUP) != 0) return failed(Stage::kNamespaces);
  if (const Status status = enter_network(context.network); !status.ok()) return status;
  Fd listener;
  if (start.bridge_port != 0) {
    // Ports below 1024 would need a capability later; everything is still allowed here.
    if (const Status status = listen_on_loopback(start.bridge_port, listener); !status.ok()) return status;
  }
  if (const Status status = attach_mounts(*context.image, start, *context.prepared); !status.ok()) return status;
  constexpr char kName[] = "sandbox";
  ::sethostname(kName, sizeof(kName) - 1);
  // While we may still write to it. Only this leaf's members can be killed with it.
  Fd kill_file;
  if (context.leaves->unified)
    kill_file = Fd(::openat(context.leaves->unified.get(), "cgroup.kill", O_WRONLY | O_CLOEXEC));
  const bool may_choose = context.image->is_root;
  if (const Status status = take_identity(may_choose, start.uid, start.gid, context.image->host_proc.get());
      !status.ok())
    return status;
  const bool kept_all = keep_descriptors(context, kill_file.release(), listener.release(), kept);
  return kept_all ? kOk : failed(Stage::kDescriptors);
}

void pass_on_termination() { ::kill(-1, SIGTERM); }

// Reaps whoever ended; true when the command is among them.
bool reap(pid_t command, int& status, rusage& used) {
  bool ended = false;
  for (;;) {
    int one = 0;
    rusage usage{};
    const pid_t pid = ::wait4(-1, &one, WNOHANG, &usage);
    if (pid <= 0) return ended;
    if (pid != command) continue;
    status = one;
    used = usage;
    ended = true;
  }
}

std::uint64_t microseconds(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000u + static_cast<std::uint64_t>(time.tv_usec);
}

[[noreturn]] void finish(const InitContext& context, const Kept& kept, int status, const rusage& used) {
  Report what;
  what.kind = Report::kExit;
  what.at_ns = now_ns();
  what.status = static_cast<std::uint32_t>(status) & 0xffff;
  what.cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
  what.quota_full = is_quota_full(*context.start);
  send(kept.report, what);
  // The kernel kills what is left when PID 1 goes, one by one; a fork bomb it kills faster as a group.
  if (kept.kill_file >= 0 && ::kill(-1, 0) == 0) (void)!::write(kept.kill_file, "1", 1);
  ::_exit(0);
}

[[noreturn]] void serve(const InitContext& context, const Kept& kept, int signals, pid_t command) {
  for (;;) {
    pollfd waited[3] = {{signals, POLLIN, 0}, {kept.alive, 0, 0}, {kept.listener, POLLIN, 0}};
    if (::poll(waited, 3, -1) < 0 && errno != EINTR) ::_exit(1);
    if ((waited[1].revents & (POLLHUP | POLLERR)) != 0) ::_exit(1);
    if ((waited[2].revents & POLLIN) != 0) hand_over_connection(kept.listener, kept.bridge);
    if ((waited[0].revents & POLLIN) == 0) continue;
    signalfd_siginfo info{};
    while (::read(signals, &info, sizeof(info)) == sizeof(info)) {
      // Only the spawner, outside this pid namespace, has no number here.
      if (info.ssi_signo == SIGTERM && info.ssi_pid == 0) pass_on_termination();
    }
    int status = 0;
    rusage used{};
    if (reap(command, status, used)) finish(context, kept, status, used);
  }
}

int take_signals() {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  ::sigaddset(&wanted, SIGCHLD);
  ::sigaddset(&wanted, SIGTERM);
  ::sigprocmask(SIG_SETMASK, &wanted, nullptr);
  return ::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

}  // namespace

void run_init(InitContext context) {
  Kept kept;
  const Status ready = set_up(context, kept);
  if (!ready.ok()) give_up(kept.report >= 0 ? kept.report : context.report, ready);
  Fd signals(take_signals());
  if (!signals) give_up(kept.report, failed(Stage::kDescriptors));
  if (const Status status = give_up_privileges(); !status.ok()) give_up(kept.report, status);
  if (has_ended(kept.alive)) ::_exit(1);
  pid_t command = -1;
  if (const Status status = start_command(*context.start, kept.fds, context.bounds, command); !status.ok())
    give_up(kept.report, status);
  for (std::uint32_t i = 0; i < context.start->fd_count; ++i) ::close(kept.fds[i]);
  Report what;
  what.kind = Report::kStarted;
  what.at_ns = now_ns();
  send(kept.report, what);
  serve(context, kept, signals.get(), command);
}

}  // namespace remit::spawner

#include "sandbox/spawner/birth.h"

#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include "sandbox/spawner/init.h"

namespace remit::spawner {

using sandbox::wire::Start;

namespace {

// Host ids for sandboxes without a workspace: nobody else's, and not the same for neighbours.
constexpr std::uint32_t kFirstOwnId = 1'900'000'000;
constexpr std::uint32_t kOwnIds = 65'536;

void choose_identity(Start& start) {
  if (start.has_identity) return;
  start.uid = start.gid = kFirstOwnId + static_cast<std::uint32_t>(start.id % kOwnIds);
}

// Version 1 leaves are entered by the process itself; a version 2 leaf only like this without a global lock.
pid_t new_process(const Leaves& leaves, Fd& pidfd) {
  int fd = -1;
  clone_args arguments{};
  arguments.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_PIDFD;
  arguments.exit_signal = SIGCHLD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&fd);
  if (leaves.unified) {
    arguments.flags |= CLONE_INTO_CGROUP;
    arguments.cgroup = static_cast<std::uint64_t>(leaves.unified.get());
  }
  const pid_t pid = static_cast<pid_t>(::syscall(SYS_clone3, &arguments, sizeof(arguments)));
  if (pid > 0) pidfd = Fd(fd);
  return pid;
}

bool descriptors_match(const Start& start, const Received& received) {
  return received.fd_count == start.fd_count + (start.bridge_port != 0 ? 1 : 0);
}

InitContext context_of(const Host& host, const Start& start, const Received& received, Slot& slot, Prepared& prepared,
                       int* fds) {
  const std::size_t first = start.bridge_port != 0 ? 1 : 0;
  for (std::uint32_t i = 0; i < start.fd_count; ++i) fds[i] = received.fds[first + i].get();
  InitContext context;
  context.start = &start;
  context.image = &host.image;
  context.leaves = &slot.leaves;
  context.prepared = &prepared;
  context.fds = fds;
  context.bridge = first == 1 ? received.fds[0].get() : -1;
  context.alive = host.alive_read.get();
  context.bounds.without_memory_cgroup = !host.bases.memory && !host.bases.unified_memory;
  context.bounds.without_pids_cgroup = !host.bases.pids && !host.bases.unified_pids;
  return context;
}

}  // namespace

Status give_birth(Host& host, Start& start, Received& received, Slot& slot) {
  if (!descriptors_match(start, received)) return {Stage::kProtocol, EBADMSG};
  choose_identity(start);
  Prepared prepared;
  if (const Status status = prepare_mounts(host.image, start, prepared); !status.ok()) return status;
  int report[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0) return failed(Stage::kDescriptors);
  slot.report = Fd(report[0]);
  Fd theirs(report[1]);
  if (const int error = make_leaves(host.bases, start, slot.leaves); error != 0) return {Stage::kCgroup, error};
  int fds[sandbox::wire::kFds];
  InitContext context = context_of(host, start, received, slot, prepared, fds);
  context.report = theirs.get();
  const Fd network = host.networks.take();
  context.network = network.get();
  slot.pid = new_process(slot.leaves, slot.pidfd);
  if (slot.pid == 0) run_init(context);
  if (slot.pid < 0) {
    const Status status = failed(Stage::kNamespaces);
    slot.leaves = Leaves{};
    remove_leaves(host.bases, start.id);
    return status;
  }
  slot.grace_ns = start.grace_ns;
  slot.deadline_ns = start.wall_ns > 0 ? now_ns() + start.wall_ns : 0;
  return kOk;
}

}  // namespace remit::spawner

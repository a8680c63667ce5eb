// The one-way steps of the new process: its identity, then no capabilities, no new privileges, the seccomp filter.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

// Ids as the command sees itself.
inline constexpr std::uint32_t kInsideUid = 1000;
inline constexpr std::uint32_t kInsideGid = 1000;

// Becomes uid:gid (as the spawner's user namespace counts them) and enters a user namespace of its own that maps
// nothing else. The mount, network and other namespaces belong to the outer one, so that even a capability inside would
// open nothing.
Status take_identity(bool may_choose, std::uint32_t uid, std::uint32_t gid, int host_proc);

// For PID 1 and everything it starts.
Status give_up_privileges();

}  // namespace remit::spawner

// Starting the command inside the finished sandbox.
#pragma once

#include "sandbox/spawner/sys.h"
#include "sandbox/wire/request.h"

namespace remit::spawner {

struct Bounds {
  bool without_memory_cgroup = false;
  bool without_pids_cgroup = false;
};

// Returns when the program runs or could not be run; `pid` is the command's, in this pid namespace.
Status start_command(const sandbox::wire::Start& start, const int* fds, Bounds bounds, pid_t& pid);

}  // namespace remit::spawner

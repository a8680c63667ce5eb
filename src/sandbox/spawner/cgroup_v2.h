// Version 2: one folder with every controller.
#pragma once

#include "sandbox/spawner/cgroup.h"

namespace remit::spawner::v2 {

int set_memory(int leaf, std::uint64_t bytes);
int set_pids(int leaf, std::uint32_t pids);
int set_cpu(int leaf, std::uint32_t percent);
void read_counts(int leaf, CgroupCounts& counts);
void kill_members(int leaf);

}  // namespace remit::spawner::v2

// Version 1 hierarchies: a folder per controller.
#pragma once

#include "sandbox/spawner/cgroup.h"
#include "sandbox/wire/request.h"

namespace remit::spawner::v1 {

int set_memory(int leaf, std::uint64_t bytes);
int set_pids(int leaf, std::uint32_t pids);
int set_cpu(int leaf, std::uint32_t percent);
int enter(int leaf);
void read_counts(int memory, int pids, CgroupCounts& counts);
// There is no cgroup.kill: freezes, kills every member, thaws; at most a few rounds.
void kill_members(int freezer);

}  // namespace remit::spawner::v1

// cgroup: one leaf per sandbox in every hierarchy that the daemon named. Version 2 bounds, counts and kills in one
// folder; version 1 has one folder per controller, and on a hybrid host a bare version 2 leaf beside them serves for
// killing.
#pragma once

#include "sandbox/spawner/sys.h"
#include "sandbox/wire/request.h"

namespace remit::spawner {

struct CgroupBases {
  Fd unified, memory, pids, cpu, freezer;
  bool unified_memory = false, unified_pids = false, unified_cpu = false;
};

struct CgroupCounts {
  std::uint32_t oom_kills = 0;
  std::uint32_t refused_forks = 0;
  std::uint64_t peak_memory_bytes = 0;
};

// The open leaf folders of one sandbox.
struct Leaves {
  Fd unified, memory, pids, cpu, freezer;
};

int open_bases(const sandbox::wire::Setup& setup, CgroupBases& bases);
// Makes the leaves named by the sandbox's number and sets their limits; what was made is removed again on failure.
int make_leaves(const CgroupBases& bases, const sandbox::wire::Start& start, Leaves& leaves);
// Called by the new process itself. A version 2 leaf is entered by clone3, so only version 1 is left to do.
int enter_leaves(const Leaves& leaves);
CgroupCounts read_counts(const Leaves& leaves);
void kill_leaves(const Leaves& leaves);
void remove_leaves(const CgroupBases& bases, std::uint64_t id);

}  // namespace remit::spawner

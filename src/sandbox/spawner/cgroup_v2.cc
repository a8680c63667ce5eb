#include "sandbox/spawner/cgroup_v2.h"

#include "sandbox/spawner/cgroup_file.h"

namespace remit::spawner::v2 {

int set_memory(int leaf, std::uint64_t bytes) {
  if (const int error = write_number(leaf, "memory.max", bytes); error != 0) return error;
  write_number(leaf, "memory.swap.max", 0);   // Absent where the kernel has no swap accounting.
  write_number(leaf, "memory.oom.group", 1);  // One victim ends the whole sandbox.
  return 0;
}

int set_pids(int leaf, std::uint32_t pids) { return write_number(leaf, "pids.max", pids); }

int set_cpu(int leaf, std::uint32_t percent) { return write_number(leaf, "cpu.max", std::uint64_t{percent} * 1000); }

void read_counts(int leaf, CgroupCounts& counts) {
  counts.oom_kills = static_cast<std::uint32_t>(read_keyed(leaf, "memory.events", "oom_kill "));
  counts.refused_forks = static_cast<std::uint32_t>(read_keyed(leaf, "pids.events", "max "));
  counts.peak_memory_bytes = read_keyed(leaf, "memory.peak", "");
}

void kill_members(int leaf) { write_file_at(leaf, "cgroup.kill", "1", 1); }

}  // namespace remit::spawner::v2

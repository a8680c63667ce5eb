#include "sandbox/spawner/cgroup_v1.h"

#include <signal.h>

#include "sandbox/spawner/cgroup_file.h"

namespace remit::spawner::v1 {

int set_memory(int leaf, std::uint64_t bytes) {
  if (const int error = write_number(leaf, "memory.limit_in_bytes", bytes); error != 0) return error;
  // Where the kernel counts swap, none may be used; a host without swap accounting has no such file.
  write_number(leaf, "memory.memsw.limit_in_bytes", bytes);
  return 0;
}

int set_pids(int leaf, std::uint32_t pids) { return write_number(leaf, "pids.max", pids); }

int set_cpu(int leaf, std::uint32_t percent) {
  if (const int error = write_number(leaf, "cpu.cfs_period_us", 100'000); error != 0) return error;
  return write_number(leaf, "cpu.cfs_quota_us", std::uint64_t{percent} * 1000);
}

// "tasks" with "0", not "cgroup.procs": moving only the calling thread takes no global lock, which may cost
// milliseconds.
int enter(int leaf) { return write_file_at(leaf, "tasks", "0", 1) ? 0 : errno; }

void read_counts(int memory, int pids, CgroupCounts& counts) {
  if (memory >= 0) {
    counts.oom_kills = static_cast<std::uint32_t>(read_keyed(memory, "memory.oom_control", "oom_kill "));
    counts.peak_memory_bytes = read_keyed(memory, "memory.max_usage_in_bytes", "");
  }
  if (pids >= 0) counts.refused_forks = static_cast<std::uint32_t>(read_keyed(pids, "pids.events", "max "));
}

void kill_members(int freezer) {
  static char list[16384];
  for (int round = 0; round < 8; ++round) {
    write_file_at(freezer, "freezer.state", "FROZEN", 6);
    const std::size_t size = read_whole(freezer, "cgroup.procs", list, sizeof(list));
    pid_t pid = 0;
    int members = 0;
    for (std::size_t i = 0; i < size; ++i) {
      if (list[i] >= '0' && list[i] <= '9') {
        pid = pid * 10 + (list[i] - '0');
      } else if (pid > 1) {
        ::kill(pid, SIGKILL);
        pid = 0;
        ++members;
      }
    }
    write_file_at(freezer, "freezer.state", "THAWED", 6);
    if (members == 0) return;
  }
}

}  // namespace remit::spawner::v1

// sweep_leftovers(): removes what a crashed daemon left. Blocks for as long as killing takes; call it before the first
// launcher is opened.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kSweepDirectories = 20000;  // cgroup folders looked at.
}  // namespace limits

struct SweepReport {
  std::size_t cgroups_removed = 0;
  std::size_t processes_killed = 0;
};

// Kills every process in a cgroup subtree remit.<instance> and removes it. The caller makes sure that no other daemon
// uses this instance.
Result<SweepReport> sweep_leftovers(std::string instance);

}  // namespace remit::sandbox

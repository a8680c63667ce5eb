// The cgroup hierarchies that this process sees and its own place in them, read from /proc/self/mountinfo and
// /proc/self/cgroup.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

struct Hierarchy {
  bool is_v2 = false;
  std::vector<std::string>
      controllers;  // Version 1: those mounted together. Version 2: those usable at the mount point.
  std::string mount_point;
  std::string own_folder;  // Where this process is; the mount point when that cannot be seen from here.
  bool has(std::string_view controller) const;
};

// Both texts come from the kernel; lines that do not fit are skipped.
std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view own_cgroups);

Result<std::vector<Hierarchy>> find_hierarchies();

// "v2", "v1", "hybrid" or "none".
std::string version_of(const std::vector<Hierarchy>& hierarchies);

}  // namespace remit::sandbox

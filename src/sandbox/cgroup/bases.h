// CgroupBases: the folders that the leaves of one launcher's sandboxes go into: <own
// place>/remit.<instance>/<launcher>, in each hierarchy that this user may write to.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

struct CgroupBases {
  std::string version;  // As version_of().
  std::string unified;  // "" where absent.
  bool unified_memory = false, unified_pids = false, unified_cpu = false;
  std::string memory, pids, cpu, freezer;  // Version 1.

  bool bounds_memory() const { return unified_memory || !memory.empty(); }
  bool bounds_pids() const { return unified_pids || !pids.empty(); }
  bool bounds_cpu() const { return unified_cpu || !cpu.empty(); }
};

// Makes them. A host without any usable hierarchy gives empty bases, not an error.
Result<CgroupBases> make_bases(const std::string& instance);

bool is_valid_instance(const std::string& instance);

}  // namespace remit::sandbox

// What changes() and merge() of a layer have in common: reading a layer's folder, and judging what may never be merged.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/workspace/hide_rules.h"

namespace remit::sandbox {

// Opens a sub-folder beneath `folder`, also when the command took its own permission bits away.
Result<UniqueFd> open_layer_folder(int folder, const std::string& name);
// Gives us the right to read a file of the layer.
Result<UniqueFd> open_layer_file(int folder, const std::string& name, const struct stat& entry);

struct LayerEntry {
  std::string path;
  std::string name;
  struct stat entry{};
  bool whiteout = false;
  std::string reason;  // Why it can never be merged; "" when it can.
};
// Looks at one entry of the layer's folder `parent`. `depth`: of the parent, 0 for the layer itself.
Result<LayerEntry> read_layer_entry(int folder, const std::string& parent, const std::string& name, std::size_t depth,
                                    const HideRules& rules);

// "" when a link at `path` stays in the workspace wherever other links lead: relative, ".." only at the front, and not
// more of them than there are folders above it.
std::string unfit_target(const std::string& path, std::string_view target);

}  // namespace remit::sandbox

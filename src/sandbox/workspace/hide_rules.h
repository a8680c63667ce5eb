// HideRules: which paths of a workspace are hidden. The patterns are those of .gitignore without '!': see
// sandbox/workspace.h. A pattern's final '/' ("only folders") hides files of that name too: hiding more than asked is
// the safe side. Immutable; safe to share.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

class HideRules {
 public:
  HideRules() = default;
  static Result<HideRules> parse(const std::vector<std::string>& patterns);

  // The path itself or a folder above it is hidden.
  bool hidden(std::string_view path) const;
  // Given that no folder above is hidden: whether `path`, whose last component is `name`, is.
  bool matches(std::string_view path, std::string_view name) const;

  bool empty() const { return names_.empty() && name_globs_.empty() && path_globs_.empty() && paths_.empty(); }
  // Whether only a look at every name of the folder can tell what is hidden.
  bool needs_walk() const { return !names_.empty() || !name_globs_.empty() || !path_globs_.empty(); }
  const std::vector<std::string>& plain_paths() const { return paths_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::unordered_set<std::string, Hash, std::equal_to<>> names_;  // At any depth.
  std::vector<std::string> name_globs_;                           // At any depth.
  std::vector<std::vector<std::string>> path_globs_;              // Anchored, by component.
  std::vector<std::string> paths_;                                // Anchored, without wildcards.
};

// One component against one pattern with '*', '?', '[a-z]', '[!a-z]' and '\'. Time: length of both, multiplied.
bool glob_matches(std::string_view pattern, std::string_view name);

}  // namespace remit::sandbox

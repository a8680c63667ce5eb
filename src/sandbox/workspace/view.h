// View: what a run sees, without a mount: its upper over the user's folder without the hidden paths. Relies on the
// upper's normal form, which UpperWriter keeps: no opaque folders; a folder stands over nothing, over a folder
// (merged), or over a file; a whiteout only where the user's folder has something. So a path's upper entry alone
// decides, and only where there is none does the user's folder show. Holds descriptors it does not own. One thread at a
// time.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/workspace/hide_rules.h"

namespace remit::sandbox {

struct ViewNode {
  enum class Where : std::uint8_t { kNowhere, kUpper, kLower };
  Where where = Where::kNowhere;
  struct stat entry{};

  bool exists() const { return where != Where::kNowhere; }
  bool is_folder() const { return exists() && S_ISDIR(entry.st_mode); }
  bool is_file() const { return exists() && S_ISREG(entry.st_mode); }
  bool is_link() const { return exists() && S_ISLNK(entry.st_mode); }
};

class View {
 public:
  View(int upper, int lower, const HideRules& rules) : upper_(upper), lower_(lower), rules_(&rules) {}

  // Of the entry itself, never through a link. An error only for what the kernel forbids.
  Result<ViewNode> lookup(const std::string& path) const;
  // The visible names of a folder, sorted.
  Result<std::vector<std::string>> names(const std::string& folder) const;
  int folder_of(const ViewNode& node) const { return node.where == ViewNode::Where::kUpper ? upper_ : lower_; }

 private:
  int upper_;
  int lower_;
  const HideRules* rules_;
};

}  // namespace remit::sandbox

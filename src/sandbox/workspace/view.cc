#include "sandbox/workspace/view.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

Result<ViewNode> View::lookup(const std::string& path) const {
  ViewNode node;
  if (stat_beneath(upper_, path, &node.entry) == 0) {
    if (!is_whiteout(node.entry)) node.where = ViewNode::Where::kUpper;
    return node;
  }
  // ENOTDIR and ELOOP: something in the upper that is no folder stands above, so nothing shows through.
  if (errno == ENOTDIR || errno == ELOOP) return node;
  if (errno != ENOENT) return fail(errno_error("look up " + printable(path), errno));
  if (rules_->hidden(path)) return node;
  if (stat_beneath(lower_, path, &node.entry) == 0) {
    node.where = ViewNode::Where::kLower;
    return node;
  }
  if (is_absent_errno(errno) || errno == EXDEV || errno == EACCES) return node;
  return fail(errno_error("look up " + printable(path), errno));
}

Result<std::vector<std::string>> View::names(const std::string& folder) const {
  std::vector<std::string> upper_names;
  std::set<std::string> whiteouts;
  UniqueFd upper(open_beneath(upper_, folder, O_RDONLY | O_DIRECTORY));
  if (upper) {
    REMIT_CHECK_OK(for_each_entry(upper.get(), [&](std::string_view name, unsigned char) {
      struct stat entry{};
      const std::string text(name);
      if (::fstatat(upper.get(), text.c_str(), &entry, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(entry)) {
        whiteouts.insert(text);
      } else {
        upper_names.push_back(text);
      }
      return upper_names.size() <= kMaxFolderEntries;
    }));
  } else if (errno == ENOTDIR || errno == ELOOP) {
    return fail(not_found(printable(folder) + " is no folder"));
  }
  std::sort(upper_names.begin(), upper_names.end());
  UniqueFd lower(rules_->hidden(folder) ? -1 : open_beneath(lower_, folder, O_RDONLY | O_DIRECTORY));
  if (!lower) {
    if (!upper) return fail(not_found(printable(folder) + " is no folder"));
    return upper_names;
  }
  REMIT_TRY(auto names, entry_names(lower.get(), kMaxFolderEntries));
  std::erase_if(names, [&](const std::string& name) {
    return whiteouts.contains(name) || rules_->matches(join_path(folder, name), name);
  });
  std::vector<std::string> merged;
  std::set_union(names.begin(), names.end(), upper_names.begin(), upper_names.end(), std::back_inserter(merged));
  return merged;
}

}  // namespace remit::sandbox

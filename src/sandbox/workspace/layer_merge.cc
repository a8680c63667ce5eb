#include "sandbox/workspace/layer_merge.h"

#include <fcntl.h>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/layer.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

LayerMerge::LayerMerge(View view, UpperWriter writer, const HideRules& rules, std::vector<FileChange>& changes)
    : view_(view), writer_(std::move(writer)), rules_(&rules) {
  for (auto& change : changes) {
    if (change.permitted) permitted_.try_emplace(change.path, &change);
  }
}

Result<> LayerMerge::merge(int layer_upper) { return folder(layer_upper, "", 0, false); }

bool LayerMerge::may_delete(const std::string& path) const {
  const auto at = permitted_.find(path);
  return at != permitted_.end() && at->second->kind == FileChange::Kind::kDeleted;
}

bool LayerMerge::may_write(const std::string& path) const {
  const auto at = permitted_.find(path);
  return at != permitted_.end() && at->second->kind != FileChange::Kind::kDeleted;
}

bool LayerMerge::any_below(const std::string& path) const {
  const auto at = permitted_.lower_bound(path + '/');
  return at != permitted_.end() && at->first.starts_with(path + '/');
}

void LayerMerge::drop_below(const std::string& path, const std::string& reason) {
  for (auto at = permitted_.lower_bound(path + '/'); at != permitted_.end() && at->first.starts_with(path + '/');) {
    at->second->permitted = false;
    at->second->reason = reason;
    at = permitted_.erase(at);
  }
}

Result<> LayerMerge::folder(int fd, const std::string& path, std::size_t depth, bool covers) {
  covers = covers || (!path.empty() && is_opaque(fd));
  REMIT_TRY(const auto names, entry_names(fd, kMaxLayerEntries));
  for (const auto& name : names) {
    REMIT_TRY(const auto item, read_layer_entry(fd, path, name, depth, *rules_));
    if (item.reason.empty()) REMIT_CHECK_OK(entry(fd, item, depth, covers));
  }
  if (!covers) return {};
  return missing_from_opaque(path, std::set<std::string>(names.begin(), names.end()));
}

Result<> LayerMerge::entry(int fd, const LayerEntry& item, std::size_t depth, bool covers) {
  if (item.whiteout) {
    REMIT_TRY(const ViewNode node, view_.lookup(item.path));
    return erase(item.path, node);
  }
  return S_ISDIR(item.entry.st_mode) ? sub_folder(fd, item, depth, covers) : file(fd, item);
}

Result<> LayerMerge::sub_folder(int fd, const LayerEntry& item, std::size_t depth, bool covers) {
  REMIT_TRY(const ViewNode old, view_.lookup(item.path));
  if (old.exists() && !old.is_folder()) {
    if (!may_write(item.path) && !may_delete(item.path)) {
      drop_below(item.path,
                 fmt::format("{} stays a file, because removing it was not permitted", printable(item.path)));
      return {};
    }
    // With nothing permitted in it the deletion alone is what was permitted.
    if (!may_write(item.path) && !any_below(item.path)) return writer_.erase(item.path);
    REMIT_CHECK_OK(writer_.make_folder(item.path, true));
  } else if (!old.exists() && may_write(item.path)) {
    REMIT_CHECK_OK(writer_.make_folder(item.path, false));
  } else if (!old.exists() && !any_below(item.path)) {
    return {};
  }
  REMIT_TRY(const UniqueFd sub, open_layer_folder(fd, item.name));
  return folder(sub.get(), item.path, depth + 1, covers);
}

Result<> LayerMerge::file(int fd, const LayerEntry& item) {
  REMIT_TRY(const ViewNode old, view_.lookup(item.path));
  if (old.is_folder()) {
    REMIT_TRY(const bool empty, may_empty(item.path));
    if (!empty || !may_write(item.path)) {
      // What may go of the folder's files goes; the folder stays.
      REMIT_TRY(const auto names, view_.names(item.path));
      for (const auto& name : names) {
        const std::string child = join_path(item.path, name);
        REMIT_TRY(const ViewNode node, view_.lookup(child));
        REMIT_CHECK_OK(erase(child, node));
      }
      if (const auto at = permitted_.find(item.path); at != permitted_.end()) {
        at->second->permitted = false;
        at->second->reason = "it stays a folder, because removing all that is in it was not permitted";
      }
      return {};
    }
    REMIT_CHECK_OK(writer_.erase(item.path));
  }
  if (!may_write(item.path)) return {};
  auto moved = writer_.put(fd, item.name, item.path);
  if (moved || moved.error().code() != Code::kFailedPrecondition) return moved;
  // Another command has put a file where this one had a folder.
  FileChange& change = *permitted_.at(item.path);
  change.permitted = false;
  change.reason = moved.error().message();
  return {};
}

Result<> LayerMerge::missing_from_opaque(const std::string& path, const std::set<std::string>& present) {
  REMIT_TRY(const ViewNode old, view_.lookup(path));
  if (!old.is_folder()) return {};
  REMIT_TRY(const auto names, view_.names(path));
  for (const auto& name : names) {
    const std::string child = join_path(path, name);
    // On a second go the files of the first are in the view and not in the layer.
    if (present.contains(name) || may_write(child)) continue;
    REMIT_TRY(const ViewNode node, view_.lookup(child));
    REMIT_CHECK_OK(erase(child, node));
  }
  return {};
}

Result<bool> LayerMerge::may_empty(const std::string& path) {
  REMIT_TRY(const auto names, view_.names(path));
  for (const auto& name : names) {
    const std::string child = join_path(path, name);
    REMIT_TRY(const ViewNode node, view_.lookup(child));
    if (!node.exists()) continue;
    bool may = may_delete(child);
    // An empty folder is listed itself, any other as its files.
    if (node.is_folder()) {
      REMIT_TRY(const auto inside, view_.names(child));
      if (!inside.empty()) {
        REMIT_TRY(may, may_empty(child));
      }
    }
    if (!may) return false;
  }
  return true;
}

Result<> LayerMerge::erase(const std::string& path, const ViewNode& node) {
  if (!node.exists()) return {};
  if (!node.is_folder()) return may_delete(path) ? writer_.erase(path) : Result<>{};
  REMIT_TRY(const auto names, view_.names(path));
  if (names.empty()) return may_delete(path) ? writer_.erase(path) : Result<>{};
  REMIT_TRY(const bool whole, may_empty(path));
  if (whole) return writer_.erase(path);
  for (const auto& name : names) {
    const std::string child = join_path(path, name);
    REMIT_TRY(const ViewNode below, view_.lookup(child));
    REMIT_CHECK_OK(erase(child, below));
  }
  return {};
}

}  // namespace remit::sandbox

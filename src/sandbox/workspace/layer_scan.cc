#include "sandbox/workspace/layer_scan.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/layer.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

static Error over(std::string_view what, std::uint64_t limit) {
  return {Code::kResourceExhausted,
          fmt::format("the command changed more than a layer may hold: {} {}; nothing of it is kept",
                      with_thousands(limit), what)};
}

Result<std::vector<FileChange>> LayerScan::scan(int layer_upper) {
  REMIT_CHECK_OK(folder(layer_upper, "", 0, false));
  std::vector<FileChange> out;
  out.reserve(changes_.size());
  for (auto& [path, change] : changes_) out.push_back(std::move(change));
  return out;
}

Result<> LayerScan::count_entry() {
  if (++entries_ > kMaxLayerEntries) return fail(over("entries looked at (kMaxLayerEntries)", kMaxLayerEntries));
  return {};
}

Result<> LayerScan::add(const std::string& path, FileChange::Kind kind, std::int64_t size) {
  // A file in the place of a folder, or the other way round, is one change of one path.
  const auto [at, fresh] = changes_.try_emplace(path, FileChange{path, kind, size, true, ""});
  if (!fresh) at->second.kind = FileChange::Kind::kModified;
  mergeable_ += fresh ? 1 : 0;
  if (kind != FileChange::Kind::kDeleted) bytes_ += size;
  if (bytes_ > kMaxLayerBytes) return fail(over("bytes (kMaxLayerBytes)", kMaxLayerBytes));
  if (changes_.size() > kMaxLayerChanges) return fail(over("changed paths (kMaxLayerChanges)", kMaxLayerChanges));
  return {};
}

Result<> LayerScan::reject(const LayerEntry& item, std::int64_t size) {
  const std::string shown = printable(item.path);
  changes_.try_emplace(shown, FileChange{shown, FileChange::Kind::kAdded, size, false, item.reason});
  if (changes_.size() > kMaxLayerChanges) return fail(over("changed paths (kMaxLayerChanges)", kMaxLayerChanges));
  return {};
}

Result<> LayerScan::folder(int fd, const std::string& path, std::size_t depth, bool covers) {
  covers = covers || (!path.empty() && is_opaque(fd));
  REMIT_TRY(const auto names, entry_names(fd, kMaxLayerEntries));
  for (const auto& name : names) {
    REMIT_CHECK_OK(count_entry());
    REMIT_TRY(const auto item, read_layer_entry(fd, path, name, depth, *rules_));
    if (item.reason.empty()) {
      REMIT_CHECK_OK(entry(fd, item, depth, covers));
    } else if (!item.whiteout) {
      REMIT_CHECK_OK(reject(item, S_ISREG(item.entry.st_mode) ? item.entry.st_size : 0));
    }
  }
  if (!covers) return {};
  return missing_from_opaque(path, std::set<std::string>(names.begin(), names.end()));
}

Result<> LayerScan::entry(int fd, const LayerEntry& item, std::size_t depth, bool covers) {
  if (item.whiteout) return deleted(item.path, depth + 1);
  REMIT_TRY(const ViewNode old, view_.lookup(item.path));
  if (S_ISDIR(item.entry.st_mode)) return sub_folder(fd, item, old, depth, covers);
  return file(fd, item, old);
}

Result<> LayerScan::sub_folder(int fd, const LayerEntry& item, const ViewNode& old, std::size_t depth, bool covers) {
  const std::size_t before = mergeable_;
  REMIT_TRY(const UniqueFd sub, open_layer_folder(fd, item.name));
  REMIT_CHECK_OK(folder(sub.get(), item.path, depth + 1, covers));
  if (old.is_folder()) return {};
  const bool empty = mergeable_ == before;
  if (!old.exists()) return empty ? add(item.path, FileChange::Kind::kAdded, 0) : Result<>{};
  return add(item.path, empty ? FileChange::Kind::kModified : FileChange::Kind::kDeleted,
             empty ? 0 : old.entry.st_size);
}

Result<> LayerScan::file(int fd, const LayerEntry& item, const ViewNode& old) {
  if (old.is_folder()) REMIT_CHECK_OK(deleted_children(item.path, 0));
  REMIT_TRY(const bool same_as_old, same(fd, item, old));
  if (same_as_old) return {};
  return add(item.path, old.exists() ? FileChange::Kind::kModified : FileChange::Kind::kAdded, item.entry.st_size);
}

// chmod, touch and opening for writing copy a file into the layer; only other bytes or another mode make it a change.
Result<bool> LayerScan::same(int fd, const LayerEntry& item, const ViewNode& old) const {
  if (!old.exists() || (item.entry.st_mode & S_IFMT) != (old.entry.st_mode & S_IFMT)) return false;
  const int old_folder = view_.folder_of(old);
  if (old.is_link()) return target_of_link(fd, item.name) == target_of_link(old_folder, item.path);
  if (item.entry.st_size != old.entry.st_size) return false;
  if (((item.entry.st_mode ^ old.entry.st_mode) & 0777 & ~0400u) != 0) return false;
  UniqueFd old_fd(open_beneath(old_folder, item.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!old_fd) return false;
  REMIT_TRY(const UniqueFd new_fd, open_layer_file(fd, item.name, item.entry));
  return same_bytes(new_fd.get(), old_fd.get());
}

Result<> LayerScan::missing_from_opaque(const std::string& path, const std::set<std::string>& present) {
  REMIT_TRY(const ViewNode old, view_.lookup(path));
  if (!old.is_folder()) return {};
  REMIT_TRY(const auto names, view_.names(path));
  for (const auto& name : names) {
    if (!present.contains(name)) REMIT_CHECK_OK(deleted(join_path(path, name), 0));
  }
  return {};
}

Result<> LayerScan::deleted(const std::string& path, std::size_t depth) {
  REMIT_CHECK_OK(count_entry());
  REMIT_TRY(const ViewNode old, view_.lookup(path));
  if (!old.exists()) return {};
  if (!old.is_folder()) {
    // A name of the user's that cannot be a workspace path cannot be judged either.
    if (unfit_name(path).empty()) return add(path, FileChange::Kind::kDeleted, old.entry.st_size);
    const std::string shown = printable(path);
    changes_.try_emplace(
        shown, FileChange{shown, FileChange::Kind::kDeleted, old.entry.st_size, false, std::string(unfit_name(path))});
    return {};
  }
  const std::size_t before = changes_.size();
  REMIT_CHECK_OK(deleted_children(path, depth));
  return changes_.size() == before ? add(path, FileChange::Kind::kDeleted, 0) : Result<>{};
}

Result<> LayerScan::deleted_children(const std::string& path, std::size_t depth) {
  // The user's own folders may be deeper than a layer's may become; paths end at remit::limits::kPathBytes anyway.
  if (depth > 2 * kMaxLayerDepth)
    return fail(over("levels of folders in a deleted folder (2 * kMaxLayerDepth)", 2 * kMaxLayerDepth));
  REMIT_TRY(const auto names, view_.names(path));
  for (const auto& name : names) REMIT_CHECK_OK(deleted(join_path(path, name), depth + 1));
  return {};
}

}  // namespace remit::sandbox

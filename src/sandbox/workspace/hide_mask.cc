#include "sandbox/workspace/hide_mask.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace.h"
#include "sandbox/workspace/base_log.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

// File times move in ticks of at most 10 ms; a folder younger than two of them may change without its time telling.
static constexpr std::int64_t kTickNs = 20'000'000;

HideMask::~HideMask() { stop_ = true; }  // first_'s destructor waits for the walk.

void HideMask::start() {
  if (!rules_->needs_walk()) return;
  try {
    first_ = std::async(std::launch::async, [this] { return walk(); });
  } catch (const std::system_error&) {
    // No thread to be had: refresh() walks itself.
  }
}

Result<> HideMask::walk_folder(const std::string& path, Walk& out, std::vector<std::string>& stack,
                               std::size_t& seen) const {
  UniqueFd fd(open_beneath(lower_, path, O_RDONLY | O_DIRECTORY));
  if (!fd) {
    // Gone meanwhile, another mount, or closed to us and so to commands: overlayfs does not show it either.
    if (is_absent_errno(errno) || errno == EXDEV || errno == EACCES) return {};
    return fail(errno_error("look for hidden names in " + printable(path), errno));
  }
  struct stat entry{};
  timespec now{};
  if (::fstat(fd.get(), &entry) != 0 || ::clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) {
    return fail(errno_error("stat " + printable(path), errno));
  }
  const bool young = ctime_ns(entry) + kTickNs > now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  out.folders.push_back({path, mtime_ns(entry), young ? -1 : ctime_ns(entry), entry.st_ino});
  std::string child = path.empty() ? path : path + '/';
  const std::size_t prefix = child.size();
  return for_each_entry(fd.get(), [&](std::string_view name, unsigned char type) {
    ++seen;
    child.resize(prefix);
    child += name;
    if (rules_->matches(child, name)) {
      out.hits.push_back(child);
      return true;
    }
    if (type == DT_UNKNOWN && stat_beneath(lower_, child, &entry) == 0) type = S_ISDIR(entry.st_mode) ? DT_DIR : DT_REG;
    if (type == DT_DIR) stack.push_back(child);
    return true;
  });
}

Result<HideMask::Walk> HideMask::walk() const {
  Walk out;
  std::size_t seen = 0;
  std::vector<std::string> stack{""};
  while (!stack.empty()) {
    if (stop_) return fail(Code::kCancelled, "the workspace was closed");
    const std::string path = std::move(stack.back());
    stack.pop_back();
    REMIT_CHECK_OK(walk_folder(path, out, stack, seen));
    if (seen > kMaxHideWalkEntries) {
      return fail(
          Code::kResourceExhausted,
          fmt::format("workspace.hide has a pattern for names at any depth, and the folder has more than {} entries: "
                      "anchor the patterns (\"/.env\", \"config/.env\") or narrow workspace.directory",
                      kMaxHideWalkEntries));
    }
  }
  std::sort(out.hits.begin(), out.hits.end());
  return out;
}

bool HideMask::unchanged(const Walk& walk) const {
  return std::all_of(walk.folders.begin(), walk.folders.end(), [&](const FolderStamp& stamp) {
    struct stat entry{};
    const char* path = stamp.path.empty() ? "." : stamp.path.c_str();
    return ::fstatat(lower_, path, &entry, AT_SYMLINK_NOFOLLOW) == 0 && mtime_ns(entry) == stamp.mtime_ns &&
           ctime_ns(entry) == stamp.ctime_ns && entry.st_ino == stamp.inode;
  });
}

Result<HideMask::Walk> HideMask::plain_hits() const {
  Walk out;
  struct stat entry{};
  for (const auto& path : rules_->plain_paths()) {
    if (rules_->hidden(parent_of(path))) continue;
    if (stat_beneath(lower_, path, &entry) == 0)
      out.hits.push_back(path);
    else if (!is_absent_errno(errno) && errno != EXDEV)
      return fail(errno_error("hide " + printable(path), errno));
  }
  std::sort(out.hits.begin(), out.hits.end());
  out.hits.erase(std::unique(out.hits.begin(), out.hits.end()), out.hits.end());
  return out;
}

// The folders of the mask down to `path`, open to us until the whiteouts are in.
static Result<> make_twins(int mask, const std::string& path, std::vector<std::string>& made) {
  if (path.empty() || ::faccessat(mask, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return {};
  REMIT_CHECK_OK(make_twins(mask, parent_of(path), made));
  if (::mkdirat(mask, path.c_str(), 0700) != 0) return fail(errno_error("mask " + printable(path), errno));
  made.push_back(path);
  return {};
}

// A folder of the mask is merged with the user's and stands above it, so it must look the same.
static Result<> dress_twin(int mask, int lower, const std::string& path) {
  struct stat entry{};
  if (stat_beneath(lower, path, &entry) != 0) return {};
  const timespec times[2] = {entry.st_atim, entry.st_mtim};
  (void)::utimensat(mask, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
  if (::geteuid() == 0 && ::fchownat(mask, path.c_str(), entry.st_uid, entry.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error("mask " + printable(path), errno));
  }
  if (::fchmodat(mask, path.c_str(), entry.st_mode & 07777, 0) != 0)
    return fail(errno_error("mask " + printable(path), errno));
  return {};
}

Result<std::string> HideMask::build(const std::vector<std::string>& hits) const {
  UniqueFd list(::openat(masks_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!list) return fail(errno_error("open the masks", errno));
  REMIT_TRY(const auto old, entry_names(list.get(), kMaxFolderEntries));
  std::uint64_t next = 1;
  for (const auto& name : old) {
    std::uint64_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    next = std::max(next, number + 1);
  }
  const std::string name = std::to_string(next);
  if (::mkdirat(masks_, name.c_str(), 0755) != 0) return fail(errno_error("make a mask", errno));
  UniqueFd mask(::openat(masks_, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!mask) return fail(errno_error("open a mask", errno));
  std::vector<std::string> twins;
  for (const auto& path : hits) {
    // The user may have removed the folder since the walk; then nothing is left to hide.
    struct stat entry{};
    if (stat_beneath(lower_, parent_of(path), &entry) != 0 && is_absent_errno(errno)) continue;
    REMIT_CHECK_OK(make_twins(mask.get(), parent_of(path), twins));
    if (make_whiteout(mask.get(), path) != 0) return fail(errno_error("hide " + printable(path), errno));
  }
  for (auto path = twins.rbegin(); path != twins.rend(); ++path) REMIT_CHECK_OK(dress_twin(mask.get(), lower_, *path));
  return name;
}

Result<> HideMask::remove_others(const std::string& keep) const {
  UniqueFd list(::openat(masks_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!list) return fail(errno_error("open the masks", errno));
  REMIT_TRY(const auto old, entry_names(list.get(), kMaxFolderEntries));
  for (const auto& name : old) {
    if (name != keep) REMIT_CHECK_OK(remove_tree(masks_, name));
  }
  return {};
}

Result<std::string> HideMask::refresh(bool remove_old) {
  if (rules_->empty()) return std::string();
  Walk found;
  if (!rules_->needs_walk()) {
    REMIT_TRY(found, plain_hits());
  } else if (first_.valid()) {
    auto first = first_.get();
    if (!first) return fail(std::move(first).error());
    found = unchanged(*first) ? std::move(*first) : Walk{};
    if (found.folders.empty()) {
      REMIT_TRY(found, walk());
    }
  } else if (walked_ && unchanged(current_)) {
    return generation_;
  } else {
    REMIT_TRY(found, walk());
  }
  const bool same = walked_ && found.hits == current_.hits;
  current_ = std::move(found);
  walked_ = true;
  if (same) return generation_;
  if (current_.hits.empty()) {
    generation_.clear();
  } else {
    REMIT_TRY(generation_, build(current_.hits));
  }
  if (remove_old) REMIT_CHECK_OK(remove_others(generation_));
  return generation_;
}

}  // namespace remit::sandbox

#include "sandbox/workspace/upper_writer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

static constexpr mode_t kFolderMode = 0755;

static Error cannot(std::string_view what, const std::string& path) {
  return errno_error(fmt::format("{} {} in the run's files", what, printable(path)), errno);
}

std::string UpperWriter::fresh_name() {
  for (;;) {
    std::string name = fmt::format("t{}", counter_++);
    if (::faccessat(folders_.temporary, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0) return name;
  }
}

bool UpperWriter::lower_has(const std::string& path, struct stat* entry) const {
  return !rules_->hidden(path) && stat_beneath(folders_.lower, path, entry) == 0;
}

Result<> UpperWriter::tame(int folder, const std::string& name, const struct stat& entry) const {
  const auto [uid, gid] = owner_;
  if ((entry.st_uid != uid || entry.st_gid != gid) && ::geteuid() == 0 &&
      ::fchownat(folder, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(cannot("change the owner of", name));
  }
  if (S_ISLNK(entry.st_mode)) return {};
  const mode_t wanted = (entry.st_mode & 0777) | (S_ISDIR(entry.st_mode) ? 0700 : 0400);
  if ((entry.st_mode & 07777) != wanted && ::fchmodat(folder, name.c_str(), wanted, 0) != 0) {
    return fail(cannot("change the mode of", name));
  }
  return {};
}

// A temporary folder of the run's owner, whatever the process's umask.
Result<std::string> UpperWriter::plain_folder(const std::string& path, mode_t mode) {
  std::string name = fresh_name();
  struct stat made{};
  if (::mkdirat(folders_.temporary, name.c_str(), 0700) != 0 ||
      ::fstatat(folders_.temporary, name.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(cannot("make", path));
  }
  made.st_mode = S_IFDIR | S_ISUID | mode;  // The bit makes tame() set the rest.
  REMIT_CHECK_OK(tame(folders_.temporary, name, made));
  return name;
}

// A temporary folder that shows nothing of what the user's folder has in this place.
Result<std::string> UpperWriter::empty_folder_over(const std::string& path, mode_t mode) {
  REMIT_TRY(const auto name, plain_folder(path, mode));
  UniqueFd made(::openat(folders_.temporary, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return fail(cannot("open", path));
  UniqueFd lower(open_beneath(folders_.lower, path, O_RDONLY | O_DIRECTORY));
  if (!lower) return name;
  REMIT_TRY(const auto children, entry_names(lower.get(), kMaxFolderEntries));
  for (const auto& child : children) {
    // Hidden ones are covered by the mask; a whiteout here would say that the run deleted them.
    if (rules_->matches(join_path(path, child), child)) continue;
    if (make_whiteout(made.get(), child) != 0) return fail(cannot("cover", join_path(path, child)));
  }
  return name;
}

Result<> UpperWriter::exchange_in(const std::string& temporary, const std::string& path) {
  REMIT_TRY(const auto parent, open_parent(folders_.upper, path));
  step("exchange");
  if (::renameat2(folders_.temporary, temporary.c_str(), parent.fd.get(), parent.name.c_str(), RENAME_EXCHANGE) == 0) {
    step("exchanged");
    return remove_tree(folders_.temporary, temporary);
  }
  if (errno != ENOENT) return fail(cannot("replace", path));
  if (::renameat(folders_.temporary, temporary.c_str(), parent.fd.get(), parent.name.c_str()) != 0) {
    return fail(cannot("place", path));
  }
  return {};
}

Result<> UpperWriter::make_one_folder(const std::string& path, bool replace_file) {
  struct stat upper{};
  struct stat lower{};
  const bool in_upper = stat_beneath(folders_.upper, path, &upper) == 0;
  if (in_upper && S_ISDIR(upper.st_mode)) return {};
  if (!in_upper && errno != ENOENT) return fail(cannot("look up", path));
  const bool in_lower = lower_has(path, &lower);
  const bool covers_folder = in_lower && S_ISDIR(lower.st_mode);
  const bool file_in_way = in_upper ? !is_whiteout(upper) : in_lower && !covers_folder;
  if (file_in_way && !replace_file) {
    return fail(Code::kFailedPrecondition, printable(path) + " is a file, not a folder");
  }
  if (!in_upper) {
    // Merged with the user's folder, if there is one, whose mode it has to show.
    REMIT_TRY(const auto name, plain_folder(path, covers_folder ? lower.st_mode & 0777 : kFolderMode));
    return exchange_in(name, path);
  }
  REMIT_TRY(const auto name, empty_folder_over(path, kFolderMode));
  return exchange_in(name, path);
}

Result<> UpperWriter::make_folder(const std::string& path, bool replace_file) {
  struct stat upper{};
  if (path.empty()) return {};
  if (stat_beneath(folders_.upper, path, &upper) == 0 && S_ISDIR(upper.st_mode)) return {};
  REMIT_CHECK_OK(make_folder(parent_of(path), false));
  return make_one_folder(path, replace_file);
}

Result<> UpperWriter::put(int folder, const std::string& name, const std::string& path) {
  struct stat entry{};
  if (::fstatat(folder, name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0) return fail(cannot("stat", path));
  REMIT_CHECK_OK(tame(folder, name, entry));
  REMIT_CHECK_OK(make_folder(parent_of(path), false));
  REMIT_TRY(const auto parent, open_parent(folders_.upper, path));
  step("put");
  if (::renameat(folder, name.c_str(), parent.fd.get(), parent.name.c_str()) == 0) {
    step("put-done");
    return {};
  }
  if (errno != EISDIR) return fail(cannot("place", path));
  // An empty folder of the upper; the caller has seen that the view shows nothing in it.
  REMIT_CHECK_OK(erase(path));
  if (::renameat(folder, name.c_str(), parent.fd.get(), parent.name.c_str()) != 0) return fail(cannot("place", path));
  return {};
}

Result<> UpperWriter::write(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string name = fresh_name();
  UniqueFd fd(::openat(folders_.temporary, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail(cannot("write", path));
  auto written = write_all(fd.get(), bytes);
  if (written && ::fchmod(fd.get(), mode & 0777) != 0) written = fail(cannot("write", path));
  if (written) written = put(folders_.temporary, name, path);
  if (!written) {
    ::unlinkat(folders_.temporary, name.c_str(), 0);
    return fail(written.error().wrap("write " + printable(path)));
  }
  return {};
}

Result<> UpperWriter::erase(const std::string& path) {
  struct stat upper{};
  struct stat lower{};
  const bool in_upper = stat_beneath(folders_.upper, path, &upper) == 0;
  if (in_upper && is_whiteout(upper)) return {};
  // What stands above hides the rest already.
  if (!in_upper && errno != ENOENT) return {};
  if (lower_has(path, &lower)) {
    REMIT_CHECK_OK(make_folder(parent_of(path), false));
    const std::string name = fresh_name();
    if (make_whiteout(folders_.temporary, name) != 0) return fail(cannot("delete", path));
    return exchange_in(name, path);
  }
  if (!in_upper) return {};
  REMIT_TRY(const auto parent, open_parent(folders_.upper, path));
  const std::string name = fresh_name();
  step("erase");
  if (::renameat(parent.fd.get(), parent.name.c_str(), folders_.temporary, name.c_str()) != 0)
    return fail(cannot("delete", path));
  return remove_tree(folders_.temporary, name);
}

}  // namespace remit::sandbox

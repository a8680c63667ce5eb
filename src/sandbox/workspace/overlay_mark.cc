#include "sandbox/workspace/overlay_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/xattr.h>

#include <cerrno>
#include <cstdio>
#include <initializer_list>

#include <fmt/format.h>

#include "base/unique_fd.h"

namespace remit::sandbox {

static constexpr long kOverlayMagic = 0x794c7630;

int make_whiteout(int folder, const std::string& name) {
  return ::mknodat(folder, name.c_str(), S_IFCHR | 0000, makedev(0, 0));
}

bool is_xattr_whiteout(int folder, const std::string& name, const struct stat& entry) {
  if (!S_ISREG(entry.st_mode) || entry.st_size != 0) return false;
  UniqueFd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return false;
  return ::fgetxattr(fd.get(), "user.overlay.whiteout", nullptr, 0) >= 0 ||
         ::fgetxattr(fd.get(), "trusted.overlay.whiteout", nullptr, 0) >= 0;
}

bool is_opaque(int folder_fd) {
  for (const char* name : {"user.overlay.opaque", "trusted.overlay.opaque"}) {
    char value = 0;
    if (::fgetxattr(folder_fd, name, &value, 1) == 1 && value == 'y') return true;
  }
  return false;
}

static Error unfit(const std::string& path, std::string_view why) {
  return {
      Code::kFailedPrecondition,
      fmt::format("{}: {}, so commands cannot work there copy on write. Put Remit's data folder on ext4, xfs, btrfs or "
                  "tmpfs (in a container: on a volume)",
                  path, why)};
}

Result<> check_carries_overlay(int folder_fd, const std::string& path) {
  struct statfs info{};
  if (::fstatfs(folder_fd, &info) != 0) return fail(errno_error("statfs " + path, errno));
  if (info.f_type == kOverlayMagic) return fail(unfit(path, "its file system is itself an overlay"));
  const std::string mark = fmt::format(".probe-{}", ::getpid());
  const std::string other = mark + "-dir";
  (void)::unlinkat(folder_fd, mark.c_str(), 0);
  (void)::unlinkat(folder_fd, other.c_str(), AT_REMOVEDIR);
  if (make_whiteout(folder_fd, mark) != 0) {
    if (errno == ENOSPC || errno == EDQUOT || errno == EROFS || errno == EACCES) {
      return fail(errno_error("write in " + path, errno));
    }
    return fail(unfit(path, "its file system (or a kernel before 5.8) does not let us make whiteouts"));
  }
  bool xattr = false;
  bool exchange = false;
  if (::mkdirat(folder_fd, other.c_str(), 0700) == 0) {
    UniqueFd fd(::openat(folder_fd, other.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    xattr = fd && ::fsetxattr(fd.get(), "user.overlay.opaque", "y", 1, 0) == 0;
    exchange = ::renameat2(folder_fd, mark.c_str(), folder_fd, other.c_str(), RENAME_EXCHANGE) == 0;
  }
  for (const auto& name : {mark, other}) {
    if (::unlinkat(folder_fd, name.c_str(), 0) != 0) (void)::unlinkat(folder_fd, name.c_str(), AT_REMOVEDIR);
  }
  if (!xattr) return fail(unfit(path, "its file system has no user xattrs"));
  if (!exchange) return fail(unfit(path, "its file system cannot exchange two names (RENAME_EXCHANGE)"));
  return {};
}

}  // namespace remit::sandbox

#include "sandbox/workspace/layer_walk.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/strings.h"
#include "sandbox/layer.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

static bool let_us_in(int folder, const std::string& name, mode_t mode) {
  UniqueFd handle(open_beneath(folder, name, O_PATH | O_NOFOLLOW));
  return handle && ::chmod(fmt::format("/proc/self/fd/{}", handle.get()).c_str(), mode) == 0;
}

Result<UniqueFd> open_layer_folder(int folder, const std::string& name) {
  UniqueFd fd(open_beneath(folder, name, O_RDONLY | O_DIRECTORY));
  // Search and write permission are needed as well, to look at entries and to move them.
  struct stat entry{};
  const bool shut = fd ? ::fstat(fd.get(), &entry) == 0 && (entry.st_mode & 0700) != 0700 : errno == EACCES;
  if (shut && let_us_in(folder, name, 0700)) fd.reset(open_beneath(folder, name, O_RDONLY | O_DIRECTORY));
  if (!fd) return fail(errno_error("open the folder " + printable(name) + " of the layer", errno));
  return fd;
}

Result<UniqueFd> open_layer_file(int folder, const std::string& name, const struct stat& entry) {
  UniqueFd fd(open_beneath(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!fd && errno == EACCES && let_us_in(folder, name, (entry.st_mode & 0777) | 0400)) {
    fd.reset(open_beneath(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  }
  if (!fd) return fail(errno_error("open " + printable(name) + " of the layer", errno));
  return fd;
}

std::string unfit_target(const std::string& path, std::string_view target) {
  if (target.empty()) return "the target of the link cannot be read";
  if (!unfit_name(target).empty()) return "the target of the link is not valid UTF-8 or holds control characters";
  if (target.front() == '/')
    return fmt::format("the link leads out of the workspace: its target {} is absolute", target);
  const auto above = std::count(path.begin(), path.end(), '/');
  std::ptrdiff_t ups = 0;
  bool named = false;
  for (const auto part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      named = true;
    } else if (named) {
      return fmt::format("the target of the link, {}, has \"..\" behind a name, which may lead anywhere", target);
    } else if (++ups > above) {
      return fmt::format("the link leads out of the workspace: its target is {}", target);
    }
  }
  return {};
}

static std::string why_never(int folder, const LayerEntry& item, std::size_t depth, const HideRules& rules) {
  const mode_t mode = item.entry.st_mode;
  if (item.path.size() > remit::limits::kPathBytes)
    return fmt::format("the path is longer than {} bytes", remit::limits::kPathBytes);
  // hidden() looks at folders above too, but those were judged before this one.
  if (rules.matches(item.path, item.name)) return "hidden by workspace.hide: it cannot be written";
  if (S_ISREG(mode)) return {};
  if (S_ISDIR(mode)) {
    return depth >= kMaxLayerDepth ? fmt::format("the folder is more than {} levels deep", kMaxLayerDepth)
                                   : std::string();
  }
  if (S_ISLNK(mode)) return unfit_target(item.path, target_of_link(folder, item.name));
  if (S_ISFIFO(mode)) return "a FIFO cannot be kept in a workspace";
  if (S_ISSOCK(mode)) return "a socket cannot be kept in a workspace";
  return "a device cannot be kept in a workspace";
}

Result<LayerEntry> read_layer_entry(int folder, const std::string& parent, const std::string& name, std::size_t depth,
                                    const HideRules& rules) {
  LayerEntry item;
  item.name = name;
  item.path = join_path(parent, name);
  if (::fstatat(folder, name.c_str(), &item.entry, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail(errno_error("stat " + printable(item.path) + " of the layer", errno));
  }
  item.whiteout = is_whiteout(item.entry) || is_xattr_whiteout(folder, name, item.entry);
  item.reason = unfit_name(name);
  if (item.reason.empty() && !item.whiteout) item.reason = why_never(folder, item, depth, rules);
  return item;
}

}  // namespace remit::sandbox

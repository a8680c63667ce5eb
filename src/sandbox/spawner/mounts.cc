#include "sandbox/spawner/mounts.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "sandbox/spawner/mount_calls.h"

namespace remit::spawner {

using sandbox::wire::Overlay;
using sandbox::wire::Start;

int new_tmpfs(std::uint64_t size_bytes, std::uint64_t inodes, const char* mode) {
  Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  char number[24];
  if (!context) return -1;
  to_decimal(size_bytes, number);
  if (!set_option(context.get(), "size", number)) return -1;
  to_decimal(inodes, number);
  if (!set_option(context.get(), "nr_inodes", number) || !set_option(context.get(), "mode", mode)) return -1;
  return finish_mount(context.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
}

namespace {

// A layer is named by a descriptor: no length limit, nothing to escape, and no host path to read in the sandbox's
// mountinfo.
struct LayerNames {
  char text[256] = {};
  std::size_t size = 0;
  bool add(int fd) {
    char digits[24];
    const std::size_t count = to_decimal(static_cast<std::uint64_t>(fd), digits);
    constexpr char kPrefix[] = "/proc/self/fd/";
    constexpr std::size_t kPrefixSize = sizeof(kPrefix) - 1;
    if (size + kPrefixSize + count + 2 > sizeof(text)) return false;
    if (size > 0) text[size++] = ':';
    ::memcpy(text + size, kPrefix, kPrefixSize);
    ::memcpy(text + size + kPrefixSize, digits, count);
    size += kPrefixSize + count;
    text[size] = 0;
    return true;
  }
};

Fd open_folder(const char* path) { return Fd(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC)); }

bool set_overlay_options(int context, const Overlay& overlay) {
  if (overlay.userxattr) {
    // Turns redirect_dir and metacopy off by itself.
    if (::fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", nullptr, 0) != 0) return false;
  } else if (!set_option(context, "redirect_dir", "nofollow") || !set_option(context, "metacopy", "off")) {
    return false;
  }
  if (!set_option(context, "index", "off") || !set_option(context, "xino", "off")) return false;
  return !overlay.is_volatile || ::fsconfig(context, FSCONFIG_SET_FLAG, "volatile", nullptr, 0) == 0;
}

Status prepare_overlay(const Overlay& overlay, Fd& out) {
  Fd layers[sandbox::wire::kLowerLayers];
  LayerNames lower;
  for (std::uint32_t i = 0; i < overlay.lower_count; ++i) {
    layers[i] = open_folder(overlay.lower[i]);
    if (!layers[i]) return failed(Stage::kSource);
    if (!lower.add(layers[i].get())) return {Stage::kOverlay, E2BIG};
  }
  Fd upper = open_folder(overlay.upper);
  Fd work = upper ? open_folder(overlay.work) : Fd();
  if (!upper || !work) return failed(Stage::kSource);
  LayerNames upper_name, work_name;
  upper_name.add(upper.get());
  work_name.add(work.get());
  Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return failed(Stage::kOverlay);
  if (!set_option(context.get(), "source", "workspace") || !set_option(context.get(), "lowerdir", lower.text) ||
      !set_option(context.get(), "upperdir", upper_name.text) ||
      !set_option(context.get(), "workdir", work_name.text) || !set_overlay_options(context.get(), overlay)) {
    return failed(Stage::kOverlay);
  }
  out = Fd(finish_mount(context.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV));
  return out ? kOk : failed(Stage::kOverlay);
}

Status prepare_in_host_view(const Start& start, Prepared& out) {
  for (std::uint32_t i = 0; i < start.overlay_count; ++i) {
    if (const Status status = prepare_overlay(start.overlay[i], out.overlay[i]); !status.ok()) return status;
  }
  for (std::uint32_t i = 0; i < start.bind_count; ++i) {
    out.bind[i] = Fd(clone_tree(start.bind[i].source));
    struct stat info{};
    if (!out.bind[i] || ::fstat(out.bind[i].get(), &info) != 0) return failed(Stage::kSource);
    out.bind_is_folder[i] = S_ISDIR(info.st_mode);
    if (!make_read_only(out.bind[i].get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) return failed(Stage::kSource);
  }
  return kOk;
}

Status ensure_top_folders(const Image& image, const Start& start) {
  Status status;
  for (std::uint32_t i = 0; i < start.tmpfs_count && status.ok(); ++i)
    status = ensure_top_folder(image, start.tmpfs[i].target);
  for (std::uint32_t i = 0; i < start.overlay_count && status.ok(); ++i)
    status = ensure_top_folder(image, start.overlay[i].target);
  for (std::uint32_t i = 0; i < start.bind_count && status.ok(); ++i)
    status = ensure_top_folder(image, start.bind[i].target);
  return status;
}

// What the image itself holds is not hidden behind a folder of ours.
bool is_of_image(const char* first) {
  for (const char* name : {"/usr", "/etc", "/dev", "/proc", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    if (::strcmp(first, name) == 0) return true;
  }
  return false;
}

// Folders that were laid over top folders of the image so that mount points can be made in them: "/home" for
// "/home/me/project".
struct Covers {
  char path[8][256];
  std::size_t count = 0;
};

bool same_file_system_as_root(const char* path) {
  struct stat root{}, info{};
  return ::stat("/", &root) == 0 && ::stat(path, &info) == 0 && root.st_dev == info.st_dev;
}

Status cover(const char* first, Covers& covers) {
  if (is_of_image(first) || !same_file_system_as_root(first)) return kOk;
  if (covers.count >= 8) return {Stage::kMount, ENOSPC};
  Fd folder(new_tmpfs(64u << 10, 64, "755"));
  if (!folder || !attach(folder.get(), AT_FDCWD, first)) return failed(Stage::kMount);
  ::strcpy(covers.path[covers.count++], first);
  return kOk;
}

// Makes the mount point of `target`, and what leads to it.
Status make_mount_point(const char* target, bool folder, Covers& covers) {
  char path[sandbox::wire::kTargetBytes];
  ::strncpy(path, target, sizeof(path) - 1);
  path[sizeof(path) - 1] = 0;
  struct stat info{};
  if (::stat(path, &info) == 0) return kOk;
  bool is_first = true;
  for (char* slash = ::strchr(path + 1, '/'); slash != nullptr; slash = ::strchr(slash + 1, '/')) {
    *slash = 0;
    if (is_first) {
      if (const Status status = cover(path, covers); !status.ok()) return status;
    } else if (::mkdir(path, 0755) != 0 && errno != EEXIST) {
      return failed(Stage::kMount);
    }
    *slash = '/';
    is_first = false;
  }
  if (folder) return ::mkdir(path, 0755) == 0 || errno == EEXIST ? kOk : failed(Stage::kMount);
  Fd file(::open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  return file ? kOk : failed(Stage::kMount);
}

Status put(Fd& mount, const char* target, bool folder, Covers& covers) {
  if (const Status status = make_mount_point(target, folder, covers); !status.ok()) return status;
  if (!attach(mount.get(), AT_FDCWD, target)) return failed(Stage::kMount);
  mount.reset();
  return kOk;
}

// Files of /proc that tell about the host or reach into it. /proc as a whole is read-only besides: writing to /proc/sys
// asks for a user id, not for a capability.
Status mask_proc() {
  for (const char* path : {"/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms", "/proc/kmsg",
                           "/proc/timer_list", "/proc/sched_debug", "/proc/sysrq-trigger", "/proc/latency_stats",
                           "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup"}) {
    if (::access(path, F_OK) != 0) continue;
    Fd null(::open_tree(AT_FDCWD, "/dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!null || !attach(null.get(), AT_FDCWD, path)) return failed(Stage::kProc);
  }
  for (const char* path : {"/proc/acpi", "/proc/scsi", "/proc/asound", "/proc/firmware"}) {
    if (::access(path, F_OK) != 0) continue;
    Fd empty(new_tmpfs(4096, 2, "555"));
    if (!empty || !make_read_only(empty.get(), 0) || !attach(empty.get(), AT_FDCWD, path)) return failed(Stage::kProc);
  }
  return kOk;
}

Status mount_proc(bool replace) {
  Fd context(::fsopen("proc", FSOPEN_CLOEXEC));
  if (!context) return failed(Stage::kProc);
  Fd fresh(finish_mount(context.get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  if (!fresh || (replace && ::umount2("/proc", MNT_DETACH) != 0)) return failed(Stage::kProc);
  if (!attach(fresh.get(), AT_FDCWD, "/proc")) return failed(Stage::kProc);
  return mask_proc();
}

}  // namespace

Status prepare_mounts(const Image& image, const Start& start, Prepared& out) {
  for (std::uint32_t i = 0; i < start.tmpfs_count; ++i) {
    out.tmpfs[i] = Fd(new_tmpfs(start.tmpfs[i].size_bytes, start.tmpfs[i].inodes, "1777"));
    if (!out.tmpfs[i]) return failed(Stage::kMount);
  }
  if (const Status status = ensure_top_folders(image, start); !status.ok()) return status;
  if (start.overlay_count + start.bind_count == 0) return kOk;
  if (const Status status = enter_host_view(image); !status.ok()) return status;
  const Status prepared = prepare_in_host_view(start, out);
  const Status back = enter_image(image);
  return prepared.ok() ? back : prepared;
}

Status attach_mounts(const Image& image, const Start& start, Prepared& prepared) {
  if (const Status status = mount_proc(!image.is_root); !status.ok()) return status;
  Covers covers;
  for (std::uint32_t i = 0; i < start.tmpfs_count; ++i) {
    if (const Status status = put(prepared.tmpfs[i], start.tmpfs[i].target, true, covers); !status.ok()) return status;
  }
  for (std::uint32_t i = 0; i < start.overlay_count; ++i) {
    if (const Status status = put(prepared.overlay[i], start.overlay[i].target, true, covers); !status.ok())
      return status;
  }
  for (std::uint32_t i = 0; i < start.bind_count; ++i) {
    const Status status = put(prepared.bind[i], start.bind[i].target, prepared.bind_is_folder[i], covers);
    if (!status.ok()) return status;
  }
  for (std::size_t i = 0; i < covers.count; ++i) {
    if (!set_attributes(AT_FDCWD, covers.path[i], MOUNT_ATTR_RDONLY, false)) return failed(Stage::kMount);
  }
  return kOk;
}

bool is_quota_full(const Start& start) {
  for (std::uint32_t i = 0; i < start.tmpfs_count; ++i) {
    struct statfs info{};
    if (::statfs(start.tmpfs[i].target, &info) != 0) continue;
    if ((info.f_blocks > 0 && info.f_bfree == 0) || (info.f_files > 0 && info.f_ffree == 0)) return true;
  }
  return false;
}

}  // namespace remit::spawner

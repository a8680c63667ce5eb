#include "sandbox/spawner/image.h"

#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "sandbox/spawner/mount_calls.h"
#include "sandbox/spawner/user_map.h"

namespace remit::spawner {

namespace {

// Where the image is put together, before it becomes the root. Nothing below it is needed.
constexpr const char* kStage = "/tmp";

struct TextFile {
  const char* path;
  const char* text;
};

constexpr TextFile kFiles[] = {
    {"etc/passwd",
     "root:x:0:0:root:/tmp:/usr/sbin/nologin\nagent:x:1000:1000:agent:/tmp:/bin/sh\n"
     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"},
    {"etc/group", "root:x:0:\nagent:x:1000:\nnogroup:x:65534:\n"},
    {"etc/hosts", "127.0.0.1 localhost sandbox\n::1 localhost\n"},
    {"etc/resolv.conf", ""},
    {"etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\nprotocols: files\n"},
    {"etc/hostname", "sandbox\n"},
};

// Copied when the host has them: small, and the same for everybody.
constexpr const char* kCopies[] = {"/etc/ld.so.cache", "/etc/services",  "/etc/protocols",  "/etc/mime.types",
                                   "/etc/timezone",    "/etc/inputrc",   "/etc/os-release", "/etc/localtime",
                                   "/etc/shells",      "/etc/ld.so.conf"};
constexpr const char* kFolders[] = {"/etc/alternatives", "/etc/ssl/certs", "/etc/ca-certificates", "/etc/pki/tls/certs",
                                    "/etc/ld.so.conf.d"};
constexpr const char* kRoots[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom"};

bool write_text(int root, const TextFile& file) {
  Fd fd(::openat(root, file.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  const std::size_t size = ::strlen(file.text);
  return fd && ::write(fd.get(), file.text, size) == static_cast<ssize_t>(size);
}

// Follows links: /etc/localtime and /etc/os-release are links into /usr. At most 1 MiB.
void copy_file(int root, const char* path) {
  Fd in(::open(path, O_RDONLY | O_CLOEXEC));
  if (!in) return;
  Fd out(::openat(root, path + 1, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!out) return;
  char buffer[16384];
  for (std::size_t total = 0; total < (1u << 20);) {
    const ssize_t got = ::read(in.get(), buffer, sizeof(buffer));
    if (got <= 0 || ::write(out.get(), buffer, static_cast<std::size_t>(got)) != got) return;
    total += static_cast<std::size_t>(got);
  }
}

void make_parents(int root, const char* relative) {
  char path[256];
  ::strncpy(path, relative, sizeof(path) - 1);
  path[sizeof(path) - 1] = 0;
  for (char* slash = ::strchr(path, '/'); slash != nullptr; slash = ::strchr(slash + 1, '/')) {
    *slash = 0;
    ::mkdirat(root, path, 0755);
    *slash = '/';
  }
}

bool bind_folder(int root, const char* host_path, const char* relative) {
  make_parents(root, relative);
  if (::mkdirat(root, relative, 0755) != 0 && errno != EEXIST) return false;
  Fd tree(clone_tree(host_path));
  return tree && make_read_only(tree.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) && attach(tree.get(), root, relative);
}

// /bin and its like are links into /usr on a merged system and folders elsewhere.
bool add_root_entry(int root, const char* name) {
  char path[16] = "/";
  ::strncat(path, name, sizeof(path) - 2);
  struct stat info{};
  if (::lstat(path, &info) != 0) return true;
  if (!S_ISLNK(info.st_mode)) return bind_folder(root, path, name);
  char link[256];
  const ssize_t size = ::readlink(path, link, sizeof(link) - 1);
  if (size <= 0) return false;
  link[size] = 0;
  return ::symlinkat(link, root, name) == 0;
}

bool add_device(int root, const char* name) {
  char source[32] = "/dev/";
  ::strncat(source, name, sizeof(source) - 6);
  Fd place(::openat(root, source + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  Fd tree(clone_tree(source));
  return place && tree && make_read_only(tree.get(), MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) &&
         attach(tree.get(), root, source + 1);
}

bool add_devices(int root) {
  if (::mkdirat(root, "dev", 0755) != 0) return false;
  for (const char* name : kDevices) {
    if (!add_device(root, name)) return false;
  }
  return ::symlinkat("/proc/self/fd", root, "dev/fd") == 0 && ::symlinkat("/proc/self/fd/0", root, "dev/stdin") == 0 &&
         ::symlinkat("/proc/self/fd/1", root, "dev/stdout") == 0 &&
         ::symlinkat("/proc/self/fd/2", root, "dev/stderr") == 0 && ::symlinkat("/tmp", root, "dev/shm") == 0;
}

bool add_etc(int root) {
  if (::mkdirat(root, "etc", 0755) != 0 || ::mkdirat(root, "etc/ssl", 0755) != 0) return false;
  for (const TextFile& file : kFiles) {
    if (!write_text(root, file)) return false;
  }
  for (const char* path : kCopies) copy_file(root, path);
  copy_file(root, "/etc/ssl/openssl.cnf");
  for (const char* path : kFolders) {
    if (::access(path, F_OK) == 0 && !bind_folder(root, path, path + 1)) return false;
  }
  return ::symlinkat("/proc/self/mounts", root, "etc/mtab") == 0;
}

// For an ordinary user the host's /proc stays in the image: a user namespace may mount a fresh one only where it sees a
// whole one. Each sandbox takes it away.
bool add_proc(int root, bool with_host_proc) {
  if (::mkdirat(root, "proc", 0555) != 0) return false;
  if (!with_host_proc) return true;
  Fd tree(clone_tree("/proc"));
  return tree && attach(tree.get(), root, "proc");
}

bool fill(int root, bool with_host_proc) {
  ::umask(0);
  for (const char* name : {"tmp", "work", "home", "root", "run", "var", "mnt", "opt", "srv"}) {
    if (::mkdirat(root, name, 0755) != 0) return false;
  }
  if (::symlinkat("/tmp", root, "var/tmp") != 0 || ::symlinkat("/run", root, "var/run") != 0) return false;
  if (!bind_folder(root, "/usr", "usr")) return false;
  for (const char* name : kRoots) {
    if (!add_root_entry(root, name)) return false;
  }
  return add_etc(root) && add_devices(root) && add_proc(root, with_host_proc);
}

Status separate_views(Image& image) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  image.is_root = uid == 0;
  if (::unshare(image.is_root ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return failed(Stage::kNamespaces);
  if (!image.is_root) {
    if (const int error = map_self(AT_FDCWD, "/proc/self", 0, uid, 0, gid); error != 0)
      return {Stage::kIdentity, error};
  }
  // What the host mounts later appears in the host view; what is mounted here does not appear there.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return failed(Stage::kNamespaces);
  image.host_proc = Fd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!image.host_proc) return failed(Stage::kProc);
  image.host_view = Fd(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!image.host_view) return failed(Stage::kNamespaces);
  if (::unshare(CLONE_NEWNS) != 0) return failed(Stage::kNamespaces);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed(Stage::kNamespaces);
  return kOk;
}

Status become_root(Image& image, int root) {
  image.writable_root = Fd(clone_mount(root));
  if (!image.writable_root) return failed(Stage::kImage);
  if (::fchdir(root) != 0) return failed(Stage::kImage);
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed(Stage::kImage);
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) return failed(Stage::kImage);
  // Alone, not its sub-mounts: they are read-only already, and /proc must stay as the kernel wants to see it.
  if (!set_attributes(AT_FDCWD, "/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, false))
    return failed(Stage::kImage);
  image.image_view = Fd(::openat(image.host_proc.get(), "self/ns/mnt", O_RDONLY | O_CLOEXEC));
  return image.image_view ? kOk : failed(Stage::kImage);
}

}  // namespace

Status build_image(Image& image) {
  if (const Status status = separate_views(image); !status.ok()) return status;
  Fd root(new_tmpfs(8u << 20, 4096, "755"));
  if (!root) return failed(Stage::kImage);
  // Mounts can only be put on a mount that is attached somewhere.
  if (!attach(root.get(), AT_FDCWD, kStage)) return failed(Stage::kImage);
  if (!fill(root.get(), !image.is_root)) return failed(Stage::kImage);
  return become_root(image, root.get());
}

Status enter_host_view(const Image& image) {
  return ::setns(image.host_view.get(), CLONE_NEWNS) == 0 ? kOk : failed(Stage::kNamespaces);
}

Status enter_image(const Image& image) {
  return ::setns(image.image_view.get(), CLONE_NEWNS) == 0 ? kOk : failed(Stage::kNamespaces);
}

Status ensure_top_folder(const Image& image, const char* target) {
  char name[256];
  const char* end = ::strchr(target + 1, '/');
  const std::size_t size = end != nullptr ? static_cast<std::size_t>(end - target - 1) : ::strlen(target + 1);
  if (size >= sizeof(name)) return {Stage::kMount, ENAMETOOLONG};
  ::memcpy(name, target + 1, size);
  name[size] = 0;
  if (::mkdirat(image.writable_root.get(), name, 0755) != 0 && errno != EEXIST) return failed(Stage::kMount);
  return kOk;
}

}  // namespace remit::spawner

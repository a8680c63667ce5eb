#include "sandbox/workspace/open_beneath.h"

#include <dirent.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/strings.h"

namespace remit::sandbox {

// The kernel answers EAGAIN when a rename elsewhere makes it unsure that the path stayed beneath.
static constexpr int kOpenAttempts = 32;
// Folders that remove_tree holds open at once; deeper ones are moved up first.
static constexpr std::size_t kRemoveDepth = 64;
static constexpr std::size_t kBlockBytes = 128u << 10;

int open_beneath(int folder, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? mode : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const char* text = path.empty() ? "." : path.c_str();
  for (int attempt = 0; attempt < kOpenAttempts; ++attempt) {
    const long fd = ::syscall(SYS_openat2, folder, text, &how, sizeof how);
    if (fd >= 0) return static_cast<int>(fd);
    if (errno != EAGAIN && errno != EINTR) return -1;
  }
  return -1;
}

int stat_beneath(int folder, const std::string& path, struct stat* out) {
  UniqueFd fd(open_beneath(folder, path, O_PATH | O_NOFOLLOW));
  if (!fd) return -1;
  return ::fstat(fd.get(), out);
}

bool is_absent_errno(int error_number) {
  return error_number == ENOENT || error_number == ENOTDIR || error_number == ELOOP;
}

Result<ParentFolder> open_parent(int folder, const std::string& path) {
  const std::string parent = parent_of(path);
  UniqueFd fd(open_beneath(folder, parent, O_PATH | O_DIRECTORY));
  if (!fd) return fail(errno_error("open the folder of " + printable(path), errno));
  return ParentFolder{std::move(fd), parent.empty() ? path : path.substr(parent.size() + 1)};
}

std::string parent_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string join_path(const std::string& folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  std::string out;
  out.reserve(folder.size() + 1 + name.size());
  return out.append(folder).append(1, '/').append(name);
}

std::string target_of_link(int folder, const std::string& path) {
  UniqueFd fd(open_beneath(folder, path, O_PATH | O_NOFOLLOW));
  std::array<char, remit::limits::kPathBytes> buffer{};
  const ssize_t length = fd ? ::readlinkat(fd.get(), "", buffer.data(), buffer.size()) : -1;
  return length <= 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(length));
}

namespace {

struct KernelEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

}  // namespace

Result<> for_each_entry(int folder_fd, const std::function<bool(std::string_view, unsigned char)>& visit) {
  // getdents64 itself: readdir(3) would need a FILE-like DIR for each of thousands of folders.
  alignas(8) std::array<char, 32u << 10> buffer;
  if (::lseek(folder_fd, 0, SEEK_SET) < 0) return fail(errno_error("rewind a folder", errno));
  for (;;) {
    const long count = ::syscall(SYS_getdents64, folder_fd, buffer.data(), buffer.size());
    if (count < 0) return fail(errno_error("read a folder", errno));
    if (count == 0) return {};
    for (long at = 0; at < count;) {
      const char* record = buffer.data() + at;
      unsigned short length = 0;
      std::memcpy(&length, record + offsetof(KernelEntry, length), sizeof length);
      const auto type = static_cast<unsigned char>(record[offsetof(KernelEntry, type)]);
      const std::string_view name(record + offsetof(KernelEntry, name));
      at += length;
      if (name == "." || name == "..") continue;
      if (!visit(name, type)) return {};
    }
  }
}

Result<std::vector<std::string>> entry_names(int folder_fd, std::size_t limit) {
  std::vector<std::string> names;
  REMIT_CHECK_OK(for_each_entry(folder_fd, [&](std::string_view name, unsigned char) {
    names.emplace_back(name);
    return names.size() <= limit;
  }));
  if (names.size() > limit) {
    return fail(Code::kResourceExhausted, fmt::format("a folder has more than {} entries", limit));
  }
  std::sort(names.begin(), names.end());
  return names;
}

namespace {

// A folder's descriptor for reading, also when its permission bits forbid it: it is ours, or we are root.
UniqueFd open_owned_folder(int folder, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::openat(folder, name.c_str(), kFlags));
  if (fd || errno != EACCES) {
    // Unlinking inside needs write and search permission too.
    if (fd) (void)::fchmod(fd.get(), 0700);
    return fd;
  }
  UniqueFd handle(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
  if (!handle || ::chmod(fmt::format("/proc/self/fd/{}", handle.get()).c_str(), 0700) != 0) return {};
  return UniqueFd(::openat(folder, name.c_str(), kFlags));
}

class TreeRemover {
 public:
  explicit TreeRemover(int top) : top_(top) {}

  Result<> remove(int folder, const std::string& name, std::size_t depth) {
    if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno != EISDIR && errno != EPERM) return fail(errno_error("remove " + printable(name), errno));
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) == 0) return {};
    if (depth >= kRemoveDepth) return lift(folder, name);
    UniqueFd fd = open_owned_folder(folder, name);
    if (!fd) return fail(errno_error("open the folder " + printable(name) + " to remove it", errno));
    // Names are gathered first: removing while reading may skip entries.
    REMIT_TRY(const auto names, entry_names(fd.get(), SIZE_MAX - 1));
    for (const auto& child : names) REMIT_CHECK_OK(remove(fd.get(), child, depth + 1));
    if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
      return fail(errno_error("remove the folder " + printable(name), errno));
    }
    return {};
  }

  Result<> remove_lifted() {
    while (!lifted_.empty()) {
      const std::string name = lifted_.back();
      lifted_.pop_back();
      REMIT_CHECK_OK(remove(top_, name, 0));
    }
    return {};
  }

 private:
  Result<> lift(int folder, const std::string& name) {
    // Moving a folder writes its "..", so it has to be writable.
    (void)open_owned_folder(folder, name);
    for (int attempt = 0; attempt < 1000; ++attempt) {
      const std::string moved = fmt::format(".lifted-{}", counter_++);
      if (::faccessat(top_, moved.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) continue;
      if (::renameat(folder, name.c_str(), top_, moved.c_str()) != 0) {
        return fail(errno_error("move the deep folder " + printable(name) + " up to remove it", errno));
      }
      lifted_.push_back(moved);
      return {};
    }
    return fail(internal_error("no free name for a deep folder"));
  }

  int top_;
  std::size_t counter_ = 0;
  std::vector<std::string> lifted_;
};

}  // namespace

Result<> remove_tree(int folder, const std::string& name) {
  TreeRemover remover(folder);
  REMIT_CHECK_OK(remover.remove(folder, name, 0));
  return remover.remove_lifted();
}

Result<std::string> read_some(int fd, std::size_t max_bytes) {
  std::string bytes;
  while (bytes.size() < max_bytes) {
    const std::size_t want = std::min(kBlockBytes, max_bytes - bytes.size());
    const std::size_t old = bytes.size();
    bytes.resize(old + want);
    const ssize_t count = ::read(fd, bytes.data() + old, want);
    if (count < 0 && errno != EINTR) return fail(errno_error("read", errno));
    bytes.resize(old + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) break;
  }
  return bytes;
}

static ssize_t read_block(int fd, char* buffer, off_t offset) {
  std::size_t done = 0;
  while (done < kBlockBytes) {
    const ssize_t count = ::pread(fd, buffer + done, kBlockBytes - done, offset + static_cast<off_t>(done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -1;
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return static_cast<ssize_t>(done);
}

Result<bool> same_bytes(int a, int b) {
  std::string left(kBlockBytes, '\0');
  std::string right(kBlockBytes, '\0');
  for (off_t offset = 0;; offset += static_cast<off_t>(kBlockBytes)) {
    const ssize_t count = read_block(a, left.data(), offset);
    const ssize_t other = read_block(b, right.data(), offset);
    if (count < 0 || other < 0) return fail(errno_error("read", errno));
    if (count != other || std::memcmp(left.data(), right.data(), static_cast<std::size_t>(count)) != 0) return false;
    if (static_cast<std::size_t>(count) < kBlockBytes) return true;
  }
}

Result<> copy_bytes(int from, int to) {
  std::string block(kBlockBytes, '\0');
  for (off_t offset = 0;;) {
    const ssize_t count = read_block(from, block.data(), offset);
    if (count < 0) return fail(errno_error("read", errno));
    if (count == 0) return {};
    REMIT_CHECK_OK(write_all(to, std::string_view(block).substr(0, static_cast<std::size_t>(count))));
    offset += count;
  }
}

std::string_view unfit_name(std::string_view name) {
  if (!is_valid_utf8(name)) return "its name is not valid UTF-8";
  // printable() is the identity on valid UTF-8 without control characters.
  if (printable(name) != name) return "its name holds a newline or another control character";
  return {};
}

Result<std::string> normal_path(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(invalid_argument(fmt::format("path \"{}\": {}", printable(text, 200), why)));
  };
  if (text.empty()) return refuse("is empty; \".\" is the workspace itself");
  if (text.size() > remit::limits::kPathBytes)
    return refuse(fmt::format("is longer than {} bytes", remit::limits::kPathBytes));
  if (text.front() == '/') return refuse("is absolute; give it relative to the workspace");
  if (const auto why = unfit_name(text); !why.empty()) return refuse(why);
  std::string out;
  for (const auto part : split(text, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return refuse("holds \"..\"; give it relative to the workspace without \"..\"");
    if (part.size() > NAME_MAX) return refuse(fmt::format("holds a name longer than {} bytes", NAME_MAX));
    out = join_path(out, part);
  }
  return out;
}

}  // namespace remit::sandbox

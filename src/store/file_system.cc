#include "store/file_system.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/unique_fd.h"

namespace remit::store {
namespace {

class PosixFile final : public File {
 public:
  PosixFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) override {
    for (;;) {
      const ssize_t count = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count > 0 || (count == 0 && bytes.empty())) return static_cast<std::size_t>(count);
      if (count < 0 && errno == EINTR) continue;
      return fail(errno_error("write " + path_, count == 0 ? EIO : errno));
    }
  }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    for (;;) {
      const ssize_t count = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) return fail(errno_error("read " + path_, errno));
    }
  }

  Result<> sync() override {
    if (::fdatasync(fd_.get()) != 0) return fail(errno_error("fdatasync " + path_, errno));
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) return fail(errno_error("truncate " + path_, errno));
    return {};
  }

  Result<std::uint64_t> size() override {
    struct stat status{};
    if (::fstat(fd_.get(), &status) != 0) return fail(errno_error("stat " + path_, errno));
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<> lock() override {
    if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return fail(errno_error("lock " + path_, errno));
    return fail(Code::kFailedPrecondition, path_ + " is being written by another process; stop that one first");
  }

 private:
  UniqueFd fd_;
  std::string path_;
};

}  // namespace

Result<std::unique_ptr<File>> PosixFileSystem::open(const std::string& path, OpenMode mode) {
  int flags = O_CLOEXEC;
  if (mode == OpenMode::kRead) flags |= O_RDONLY;
  if (mode == OpenMode::kReadWrite) flags |= O_RDWR;
  if (mode == OpenMode::kReplace) flags |= O_RDWR | O_CREAT | O_TRUNC;
  UniqueFd fd(::open(path.c_str(), flags, 0600));
  if (!fd) return fail(errno_error("open " + path, errno));
  return std::make_unique<PosixFile>(std::move(fd), path);
}

Result<bool> PosixFileSystem::exists(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return fail(errno_error("stat " + path, errno));
}

Result<> PosixFileSystem::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return fail(errno_error(fmt::format("rename {} to {}", from, to), errno));
  return {};
}

Result<> PosixFileSystem::sync_folder_of(const std::string& path) {
  const auto slash = path.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(errno_error("open " + folder, errno));
  if (::fsync(fd.get()) != 0) return fail(errno_error("fsync " + folder, errno));
  return {};
}

Result<> write_fully(File& file, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    REMIT_TRY(const std::size_t count, file.write_at(offset, bytes));
    offset += count;
    bytes.remove_prefix(count);
  }
  return {};
}

Result<std::size_t> read_fully(File& file, std::uint64_t offset, std::span<char> into) {
  std::size_t total = 0;
  while (total < into.size()) {
    REMIT_TRY(const std::size_t count, file.read_at(offset + total, into.subspan(total)));
    if (count == 0) break;
    total += count;
  }
  return total;
}

}  // namespace remit::store

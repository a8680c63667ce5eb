#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include <fmt/format.h>

namespace remit {

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(errno_error("open " + path, errno));
  std::string bytes;
  char buffer[65536];
  for (;;) {
    const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(errno_error("read " + path, errno));
    if (count == 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(count));
    if (bytes.size() > max_bytes) {
      return fail(Code::kResourceExhausted, fmt::format("{} is larger than the limit of {} bytes", path, max_bytes));
    }
  }
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(errno_error("write", errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> write_file_atomic(const std::string& path, std::string_view bytes, unsigned mode) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  if (!fd) return fail(errno_error("create " + temporary, errno));
  auto written = write_all(fd.get(), bytes);
  if (written && ::fdatasync(fd.get()) != 0) written = fail(errno_error("fdatasync", errno));
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = fail(errno_error("rename", errno));
  if (!written) {
    ::unlink(temporary.c_str());
    return fail(written.error().wrap("write " + path));
  }
  const auto slash = path.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd || ::fsync(folder_fd.get()) != 0) return fail(errno_error("fsync " + folder, errno));
  return {};
}

Result<> make_directories(const std::string& path, unsigned mode) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return {};
  const auto parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && parent != path) REMIT_CHECK_OK(make_directories(parent, mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail(errno_error("mkdir " + path, errno));
  return {};
}

}  // namespace remit

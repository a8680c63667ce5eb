#include "store/data_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/strings.h"

namespace remit::store {
namespace {

constexpr std::size_t kSmallFileBytes = 64;
constexpr int kLockTries = 5;
constexpr unsigned kLockRetryMicros = 2000;

std::optional<std::int64_t> parse_number(std::string_view text) {
  text = trim(text);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<pid_t> pid_in(int fd) {
  char buffer[kSmallFileBytes];
  const ssize_t count = ::pread(fd, buffer, sizeof buffer, 0);
  if (count <= 0) return std::nullopt;
  const auto number = parse_number({buffer, static_cast<std::size_t>(count)});
  return number && *number > 0 ? std::optional(static_cast<pid_t>(*number)) : std::nullopt;
}

// holder() of another process takes the lock for an instant; that must not look like a second daemon.
bool lock_now(int fd) {
  for (int tries = 0; tries < kLockTries; ++tries) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
    if (errno != EWOULDBLOCK) return false;
    if (tries + 1 < kLockTries) ::usleep(kLockRetryMicros);
  }
  errno = EWOULDBLOCK;
  return false;
}

Result<> sync_folder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(errno_error("open " + path, errno));
  if (::fsync(fd.get()) != 0) return fail(errno_error("fsync " + path, errno));
  return {};
}

Result<int> read_version(const std::string& path) {
  REMIT_TRY(const std::string text, read_file(path, kSmallFileBytes));
  const auto version = parse_number(text);
  if (!version || *version < 1 || *version > INT32_MAX) {
    return fail(Code::kDataLoss,
                fmt::format("{} does not hold a version number; is this a data folder of Remit?", path));
  }
  return static_cast<int>(*version);
}

Result<> check_known(int version, int known, const std::string& path) {
  if (version <= known) return {};
  return fail(
      Code::kFailedPrecondition,
      fmt::format(
          "the data folder {} has layout version {}, and this Remit knows versions up to {}; use the newer Remit that "
          "wrote it, or another folder (REMIT_DATA)",
          path, version, known));
}

Result<> migrate(const DataFolder& folder, int version, const std::vector<DataFolder::Step>& steps) {
  REMIT_TRY(const LockFile lock, folder.lock_daemon());
  // Another process may have migrated it while we waited for nothing.
  REMIT_TRY(version, read_version(folder.path() + "/VERSION"));
  for (; version <= static_cast<int>(steps.size()); ++version) {
    auto done = steps[static_cast<std::size_t>(version - 1)](folder.path());
    if (!done)
      return fail(
          done.error().wrap(fmt::format("migrate {} from layout {} to {}", folder.path(), version, version + 1)));
    REMIT_CHECK_OK(write_file_atomic(folder.path() + "/VERSION", fmt::format("{}\n", version + 1)));
  }
  return {};
}

}  // namespace

Result<LockFile> LockFile::take(std::string path, std::string_view what) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(errno_error("open " + path, errno));
  if (!lock_now(fd.get())) {
    if (errno != EWOULDBLOCK) return fail(errno_error("lock " + path, errno));
    const auto pid = pid_in(fd.get());
    return fail(Code::kFailedPrecondition, fmt::format("{} is held by process {} ({}); stop that process first", what,
                                                       pid ? fmt::to_string(*pid) : "(not yet known)", path));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return fail(errno_error("write " + path, errno));
  }
  return LockFile(std::move(fd));
}

Result<std::optional<pid_t>> LockFile::holder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) return fail(errno_error("open " + path, errno));
  if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) return std::nullopt;
  if (errno != EWOULDBLOCK) return fail(errno_error("lock " + path, errno));
  return pid_in(fd.get()).value_or(0);
}

Result<std::string> DataFolder::default_path() {
  return default_path([](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  });
}

Result<std::string> DataFolder::default_path(const Variable& variable) {
  if (const auto data = variable("REMIT_DATA"); data && !data->empty()) {
    return std::filesystem::absolute(*data).lexically_normal().string();
  }
  // The XDG specification says to ignore a relative path.
  if (const auto state = variable("XDG_STATE_HOME"); state && state->starts_with('/')) return *state + "/remit";
  if (const auto home = variable("HOME"); home && home->starts_with('/')) return *home + "/.local/state/remit";
  return fail(Code::kFailedPrecondition, "no place for data: HOME is not set; set REMIT_DATA to a folder");
}

Result<DataFolder> DataFolder::open(std::string path) {
  static const std::vector<Step> kSteps;
  static_assert(kDataFolderVersion == 1, "a new layout version needs its step here");
  return open(std::move(path), kSteps);
}

Result<DataFolder> DataFolder::open(std::string path, const std::vector<Step>& steps) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const int known = static_cast<int>(steps.size()) + 1;
  DataFolder folder(std::move(path));
  REMIT_CHECK_OK(make_directories(folder.path_));
  const std::string version_path = folder.path_ + "/VERSION";
  if (::access(version_path.c_str(), F_OK) != 0) {
    if (errno != ENOENT) return fail(errno_error("look for " + version_path, errno));
    // Two processes may do this at once: both write the same.
    REMIT_CHECK_OK(write_file_atomic(version_path, fmt::format("{}\n", known)));
  }
  REMIT_TRY(const int version, read_version(version_path));
  REMIT_CHECK_OK(check_known(version, known, folder.path_));
  if (version < known) REMIT_CHECK_OK(migrate(folder, version, steps));
  REMIT_CHECK_OK(make_directories(folder.runs_path()));
  REMIT_CHECK_OK(sync_folder(folder.path_));
  return folder;
}

Result<> DataFolder::create_run(Ulid run) const {
  if (::mkdir(run_path(run).c_str(), 0700) != 0) {
    if (errno == EEXIST) return fail(Code::kAlreadyExists, "there is already a run " + run.to_string());
    return fail(errno_error("mkdir " + run_path(run), errno));
  }
  return sync_folder(runs_path());
}

Result<std::vector<Ulid>> DataFolder::runs() const {
  std::vector<Ulid> runs;
  std::error_code error;
  auto at = std::filesystem::directory_iterator(runs_path(), error);
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    const auto run = Ulid::parse(at->path().filename().string());
    if (run) runs.push_back(*run);
    if (runs.size() > kRunsListed) {
      return fail(Code::kResourceExhausted,
                  fmt::format("{} holds more than kRunsListed ({}) runs; remove old ones", runs_path(), kRunsListed));
    }
  }
  if (error) return fail(errno_error("list " + runs_path(), error.value()));
  std::ranges::sort(runs);
  return runs;
}

Result<LockFile> DataFolder::lock_daemon() const {
  return LockFile::take(path_ + "/daemon.lock", fmt::format("the data folder {}", path_));
}

Result<std::optional<pid_t>> DataFolder::daemon_pid() const { return LockFile::holder(path_ + "/daemon.lock"); }

Result<LockFile> DataFolder::lock_run(Ulid run) const {
  return LockFile::take(run_path(run) + "/lock", "run " + run.to_string());
}

Result<std::optional<pid_t>> DataFolder::run_pid(Ulid run) const { return LockFile::holder(run_path(run) + "/lock"); }

}  // namespace remit::store

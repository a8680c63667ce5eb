#include "sandbox/leftovers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/file.h"
#include "base/strings.h"
#include "sandbox/cgroup/bases.h"
#include "sandbox/cgroup/hierarchies.h"

namespace remit::sandbox {

namespace {

namespace fs = std::filesystem;

constexpr int kDepth = 10;
constexpr int kRounds = 200;  // Of 5 ms: how long the dead may take.

void pause_ms(int ms) {
  const timespec length{0, ms * 1'000'000L};
  ::nanosleep(&length, nullptr);
}

// All folders named `name` below `top`.
void find_named(const fs::path& top, const std::string& name, std::size_t& looked_at, std::vector<fs::path>& found) {
  std::error_code error;
  fs::recursive_directory_iterator walk(top, fs::directory_options::skip_permission_denied, error);
  for (; !error && walk != fs::recursive_directory_iterator() && looked_at < limits::kSweepDirectories;
       walk.increment(error)) {
    std::error_code ignored;
    if (walk->is_symlink(ignored) || !walk->is_directory(ignored)) continue;
    ++looked_at;
    if (walk->path().filename() == name) found.push_back(walk->path());
    if (walk->path().filename() == name || walk.depth() >= kDepth) walk.disable_recursion_pending();
  }
}

std::vector<fs::path> leaves_first(const fs::path& root) {
  std::vector<fs::path> folders{root};
  std::error_code error;
  fs::recursive_directory_iterator walk(root, error);
  for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
    std::error_code ignored;
    if (walk->is_directory(ignored)) folders.push_back(walk->path());
  }
  std::ranges::reverse(folders);
  return folders;
}

std::vector<pid_t> members(const fs::path& folder) {
  std::vector<pid_t> pids;
  const auto text = read_file((folder / "cgroup.procs").string(), 1u << 20);
  if (!text) return pids;
  for (const std::string_view line : split(*text, '\n')) {
    const pid_t pid = static_cast<pid_t>(std::strtol(std::string(line).c_str(), nullptr, 10));
    if (pid > 1 && pid != ::getpid()) pids.push_back(pid);
  }
  return pids;
}

void kill_members(const fs::path& folder, std::set<pid_t>& killed) {
  for (const pid_t pid : members(folder)) {
    if (::kill(pid, SIGKILL) == 0) killed.insert(pid);
  }
  UniqueFd fd(::open((folder / "cgroup.kill").c_str(), O_WRONLY | O_CLOEXEC));
  if (fd) (void)!::write(fd.get(), "1", 1);
}

bool remove_tree(const fs::path& root, SweepReport& report, std::set<pid_t>& killed) {
  for (int round = 0; round < kRounds; ++round) {
    for (const fs::path& folder : leaves_first(root)) {
      if (::rmdir(folder.c_str()) == 0) {
        ++report.cgroups_removed;
      } else if (errno == EBUSY) {
        kill_members(folder, killed);
      }
    }
    if (::access(root.c_str(), F_OK) != 0) return true;
    pause_ms(5);
  }
  return false;
}

}  // namespace

Result<SweepReport> sweep_leftovers(std::string instance) {
  if (!is_valid_instance(instance))
    return fail(Code::kInvalidArgument, fmt::format("sandbox: '{}' is no instance name", instance));
  REMIT_TRY(const std::vector<Hierarchy> hierarchies, find_hierarchies());
  SweepReport report;
  std::set<pid_t> killed;
  std::size_t looked_at = 0;
  std::set<std::string> mount_points;
  for (const Hierarchy& one : hierarchies) mount_points.insert(one.mount_point);
  for (const std::string& top : mount_points) {
    std::vector<fs::path> found;
    find_named(top, "remit." + instance, looked_at, found);
    for (const fs::path& root : found) {
      if (remove_tree(root, report, killed)) continue;
      return fail(Code::kFailedPrecondition,
                  fmt::format("sandbox: {} cannot be emptied; a process in it does not die. Look at its cgroup.procs",
                              root.string()));
    }
  }
  report.processes_killed = killed.size();
  return report;
}

}  // namespace remit::sandbox

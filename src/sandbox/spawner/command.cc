#include "sandbox/spawner/command.h"

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

namespace remit::spawner {

using sandbox::wire::Start;

namespace {

// Never above what we were given ourselves.
bool set_limit(__rlimit_resource_t resource, std::uint64_t soft, std::uint64_t hard) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) return false;
  if (hard < limit.rlim_max) limit.rlim_max = hard;
  limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
  return ::setrlimit(resource, &limit) == 0;
}

// The soft limit asks for the signal that names the cause; one second later the hard one kills.
bool set_limits(const Start& start, Bounds bounds) {
  bool ok = set_limit(RLIMIT_CORE, 0, 0) && set_limit(RLIMIT_NOFILE, start.open_files, start.open_files) &&
            set_limit(RLIMIT_FSIZE, start.file_bytes, start.file_bytes);
  if (start.cpu_seconds > 0) ok = ok && set_limit(RLIMIT_CPU, start.cpu_seconds, start.cpu_seconds + 1);
  // Without a cgroup the kernel still counts a user's processes in each user namespace, and the private memory of each
  // process.
  if (bounds.without_pids_cgroup) ok = ok && set_limit(RLIMIT_NPROC, start.pids + 1, start.pids + 1);
  if (bounds.without_memory_cgroup) ok = ok && set_limit(RLIMIT_DATA, start.memory_bytes, start.memory_bytes);
  return ok;
}

// The numbers asked for may be taken by one another's sources, which therefore lie above every number that can be asked
// for.
bool place_descriptors(const Start& start, const int* fds) {
  for (std::uint32_t i = 0; i < start.fd_count; ++i) {
    if (::dup2(fds[i], static_cast<int>(start.fd_number[i])) < 0) return false;
  }
  return true;
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

const char* find_path(const Start& start) {
  for (std::uint32_t i = 0; i < start.envc; ++i) {
    if (::strncmp(start.env[i], "PATH=", 5) == 0) return start.env[i] + 5;
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

// As execvpe, but by the command's own PATH. Returns the error that tells most.
int execute(const Start& start) {
  char* const* argv = const_cast<char* const*>(start.argv);
  char* const* env = const_cast<char* const*>(start.env);
  if (::strchr(start.argv[0], '/') != nullptr) {
    ::execve(start.argv[0], argv, env);
    return errno;
  }
  int error = ENOENT;
  const std::size_t name_size = ::strlen(start.argv[0]);
  for (const char* folder = find_path(start); *folder != 0;) {
    const char* end = ::strchrnul(folder, ':');
    char path[4096];
    const std::size_t size = static_cast<std::size_t>(end - folder);
    if (size > 0 && size + name_size + 2 < sizeof(path)) {
      ::memcpy(path, folder, size);
      path[size] = '/';
      ::memcpy(path + size + 1, start.argv[0], name_size + 1);
      ::execve(path, argv, env);
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    folder = *end == ':' ? end + 1 : end;
  }
  return error;
}

Status become_command(const Start& start, const int* fds, Bounds bounds) {
  if (::setsid() < 0) return failed(Stage::kExec);
  if (!place_descriptors(start, fds)) return failed(Stage::kDescriptors);
  if (::chdir(start.cwd) != 0) return failed(Stage::kDirectory);
  if (!set_limits(start, bounds)) return failed(Stage::kExec);
  reset_signals();
  return {Stage::kExec, execute(start)};
}

}  // namespace

Status start_command(const Start& start, const int* fds, Bounds bounds, pid_t& pid) {
  // The child shares this memory until it runs the program, so its failure can simply be written here.
  static volatile int stage, error;
  stage = 0;
  error = 0;
  pid = ::vfork();
  if (pid == 0) {
    const Status status = become_command(start, fds, bounds);
    stage = static_cast<int>(status.stage);
    error = status.error;
    ::_exit(127);
  }
  if (pid < 0) return failed(Stage::kExec);
  return {static_cast<Stage>(stage), error};
}

}  // namespace remit::spawner

#include "sandbox/tier/spawner_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "sandbox/tier/spawner_image.h"

namespace remit::sandbox {

namespace {

// As spawner/channel.h has it; the program itself comes right after it.
constexpr int kSocketNumber = 3;
constexpr int kProgramNumber = 4;
// A sandbox of kMostPids dies in milliseconds; this is for a machine in trouble.
constexpr int kPatienceMs = 10'000;

// Above the numbers that the child gives out, so that no dup2 overwrites another's source.
Result<UniqueFd> move_up(UniqueFd fd) {
  const int moved = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 10);
  if (moved < 0) return fail(errno_error("sandbox: fcntl", errno));
  return UniqueFd(moved);
}

Result<UniqueFd> program_in_memory() {
  UniqueFd fd(::memfd_create("remit-spawner", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail(errno_error("sandbox: memfd_create for the spawner", errno));
  REMIT_CHECK_OK(write_all(fd.get(), spawner_image()));
  // Nobody, not even a sandbox that finds it, can change the program.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return fail(errno_error("sandbox: sealing the spawner", errno));
  }
  return move_up(std::move(fd));
}

struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
};

Result<pid_t> spawn(int socket, int program) {
  SpawnSettings settings;
  for (const int number : {0, 1, 2})
    ::posix_spawn_file_actions_addopen(&settings.actions, number, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&settings.actions, socket, kSocketNumber);
  ::posix_spawn_file_actions_adddup2(&settings.actions, program, kProgramNumber);
  ::posix_spawn_file_actions_addclosefrom_np(&settings.actions, kProgramNumber + 1);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setsigdefault(&settings.attributes, &all);
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  char name[] = "remit-spawner";
  char* argv[] = {name, nullptr};
  char* env[] = {nullptr};
  pid_t pid = -1;
  const std::string path = fmt::format("/proc/self/fd/{}", kProgramNumber);
  const int error = ::posix_spawn(&pid, path.c_str(), &settings.actions, &settings.attributes, argv, env);
  if (error != 0) return fail(errno_error("sandbox: starting the spawner from memory (is /proc mounted?)", error));
  return pid;
}

}  // namespace

Result<SpawnerProcess> SpawnerProcess::start() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    return fail(errno_error("sandbox: socketpair", errno));
  UniqueFd ours(pair[0]);
  REMIT_TRY(UniqueFd theirs, move_up(UniqueFd(pair[1])));
  REMIT_TRY(UniqueFd program, program_in_memory());
  REMIT_TRY(const pid_t pid, spawn(theirs.get(), program.get()));
  return SpawnerProcess(pid, std::move(ours));
}

SpawnerProcess::~SpawnerProcess() {
  if (pid_ <= 0) return;
  socket_.reset();
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  pollfd waited{pidfd.get(), POLLIN, 0};
  if (!pidfd || ::poll(&waited, 1, kPatienceMs) == 0) ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace remit::sandbox

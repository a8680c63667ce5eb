// Spec: one command and the bounds it runs in. A value; the same for every tier.
//
// The command sees a read-only image of the system's /usr with a minimal /etc, /dev and /proc, what `mounts` adds, and
// no network but its own loopback. PATH is the system's unless `env` says otherwise; nothing of the caller's
// environment is passed on.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/mount_plan.h"

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kArguments = 4096;            // argv plus env entries.
inline constexpr std::size_t kArgumentBytes = 192u << 10;  // argv, env and every path of one Spec, together.
inline constexpr std::size_t kStdinBytes = 32u << 20;
inline constexpr std::size_t kInheritedFds = 16;
inline constexpr int kHighestInheritedFd = 255;
inline constexpr std::uint32_t kMostPids = 512;               // Above it the kernel takes seconds to kill a fork bomb.
inline constexpr std::uint64_t kMostOutputBytes = 64u << 20;  // Of one stream, kept for the reader.
}  // namespace limits

enum class Tier : std::uint8_t { kProcess, kGVisor, kMicroVm };
std::string_view to_string(Tier tier);  // "Process", "GVisor", "MicroVM", as a mission writes them.

enum class LimitsMode : std::uint8_t {
  kEnforced,    // A host without the needed cgroup controllers refuses with kFailedPrecondition.
  kBestEffort,  // What the host cannot bound is bounded by rlimits as far as they go.
};

struct Limits {
  LimitsMode mode = LimitsMode::kEnforced;
  std::uint64_t memory_bytes = 512u << 20;  // Includes tmpfs and page cache of the command; swap is not used.
  std::uint32_t pids = 128;                 // Processes and threads, 1 to limits::kMostPids.
  std::uint32_t cpu_percent = 0;            // Of one core: 150 is a core and a half. 0: no bound.
  std::uint64_t file_bytes = 1u << 30;      // Of one file (RLIMIT_FSIZE; ends with SIGXFSZ).
  std::uint32_t open_files = 1024;
  std::chrono::nanoseconds wall_time = std::chrono::minutes(5);
  std::chrono::nanoseconds cpu_time =
      std::chrono::nanoseconds(0);  // Of one process, in whole seconds rounded up. 0: no bound.
  std::chrono::nanoseconds grace = std::chrono::milliseconds(500);  // Between SIGTERM and the kill.
  std::uint64_t output_bytes = 1u << 20;  // Kept of each stream; the rest is drained and counted.
};

// A descriptor of the caller that the command finds under `number` (0 to 2 replace the standard streams). Borrowed
// until start() returns.
struct InheritedFd {
  int host_fd = -1;
  int number = -1;
};

// As whom the command runs on the host, where the launcher may choose (it is root).
struct Identity {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

struct Spec {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH inside the sandbox unless it holds a slash.
  std::vector<std::string> env;   // "NAME=value". PATH, HOME, USER, LANG and TMPDIR are added when absent.
  std::string cwd = "/";          // Inside the sandbox.
  std::string stdin_bytes;
  MountPlan mounts;
  Limits limits;
  std::vector<InheritedFd> fds;
  // The command's only way out: PID 1 of the sandbox listens on 127.0.0.1:port, and every accepted connection comes out
  // of Process::accept_bridge() on the daemon's side. 0: none.
  std::uint16_t bridge_port = 0;
  // Default as root: the owner of the first overlay's upperdir, or an unprivileged id without one. Ignored as an
  // ordinary user. The command holds no capability in any case.
  std::optional<Identity> identity;
};

// Checks everything that can be checked without the host: sizes, NUL bytes, forms of paths and numbers.
Result<> validate(const Spec& spec);

}  // namespace remit::sandbox

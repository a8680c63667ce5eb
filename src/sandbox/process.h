// Process: one command in its sandbox, and ExitReport: how it ended. Not thread safe: everything happens on the
// launcher's executor.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/task.h"

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kBridgeBacklog = 64;  // Connections of a command that wait to be accepted.
}  // namespace limits

enum class EndedBy : std::uint8_t {
  kExit,            // The command ended by itself; exit_code says how.
  kSignal,          // By a signal of its own making; `signal` says which.
  kOom,             // The memory limit.
  kTimeout,         // Wall time or CPU time.
  kPids,            // It wanted more processes than allowed, and did not end well.
  kQuota,           // A file size or disk limit, and it did not end well.
  kPolicy,          // kill(kPolicy): the pipeline cut it.
  kCancelled,       // kill(kCancelled).
  kInfrastructure,  // The sandbox itself failed; `detail` says how. The command's effects are unknown.
};
std::string_view to_string(EndedBy ended_by);  // "exit", "signal", "oom", …

enum class Stream : std::uint8_t { kStdout, kStderr };

struct Output {
  Stream stream = Stream::kStdout;
  std::string bytes;
};

struct ExitReport {
  EndedBy ended_by = EndedBy::kInfrastructure;
  int exit_code = -1;  // -1 when the command did not exit by itself.
  int signal = 0;
  std::string detail;           // For people; "" for a plain exit.
  std::int64_t create_us = 0;   // From start() to the command's first instruction.
  std::int64_t run_us = 0;      // From there to the end of the command.
  std::int64_t destroy_us = 0;  // From there until nothing was left.
  std::uint64_t truncated_stdout_bytes = 0;
  std::uint64_t truncated_stderr_bytes = 0;
  std::uint64_t peak_memory_bytes = 0;  // 0 where no cgroup counts it.
  std::int64_t cpu_us = 0;              // User and system time of the command and the children it waited for.
  std::uint32_t oom_kills = 0;
  std::uint32_t refused_forks = 0;
};

// Destroying a Process kills the command without grace; the spawner cleans up behind it.
class Process {
 public:
  virtual ~Process() = default;

  // The next piece of output, nullopt when both streams have ended. One caller at a time. Reading is never needed for
  // progress: what nobody reads is kept up to Limits::output_bytes and then dropped and counted.
  virtual Task<std::optional<Output>> next_output() = 0;

  // Waits until the command has ended and all its descendants, cgroups and mounts are gone. One caller, once. Output
  // may be read after it.
  virtual Task<ExitReport> wait() = 0;

  // SIGTERM to everything inside, then certain death after the grace of the Spec. Idempotent; the first reason stands.
  virtual void kill(EndedBy why) = 0;

  // The next connection that the command made to its bridge port. Fails with kUnavailable when the sandbox has ended,
  // with kFailedPrecondition when the Spec named no port. One caller at a time.
  virtual Task<Result<asio::ip::tcp::socket>> accept_bridge() = 0;
};

}  // namespace remit::sandbox

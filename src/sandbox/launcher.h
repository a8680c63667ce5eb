// Launcher: starts commands in sandboxes of one tier. Not thread safe: use it on the executor it was opened on, and
// keep it alive longer than its processes. Later tiers and pools implement this interface.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "sandbox/process.h"
#include "sandbox/spec.h"

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kLiveSandboxes = 256;  // Of one launcher; start() fails with kResourceExhausted above it.
}  // namespace limits

class Launcher {
 public:
  virtual ~Launcher() = default;
  virtual Tier tier() const = 0;

  // Returns when the command's program runs. kInvalidArgument: the Spec; kNotFound or kPermissionDenied: no such
  // program inside; kFailedPrecondition: this host cannot keep the limits; kUnavailable: the spawner is gone.
  virtual Task<Result<std::unique_ptr<Process>>> start(Spec spec) = 0;

  // Sandboxes that exist now.
  virtual std::size_t live() const = 0;
};

struct ProcessTierOptions {
  // Names the cgroup subtree remit.<instance>. One data folder, one instance: lower-case letters, digits and '-', at
  // most 64.
  std::string instance;
};

// Starts the spawner: a small static program, carried inside this binary, that makes all sandboxes of this launcher, so
// that the daemon never forks. When the launcher or the whole daemon goes, the spawner kills and removes every sandbox
// and leaves.
Task<Result<std::unique_ptr<Launcher>>> open_process_launcher(ProcessTierOptions options);

}  // namespace remit::sandbox

// Checks: commands that decide whether the goal is met. What they name of the workspace is copied aside when the run
// begins and its hash is noted; at the end each check runs in a fresh sandbox over the run's files with those copies
// laid on top, read-only, and whatever it changes is thrown away. So the agent can neither change a check nor leave
// something behind in it. One shard's thread.
#pragma once

#include <string>
#include <vector>

#include <boost/asio/thread_pool.hpp>

#include "base/clock.h"
#include "core/run_record.h"
#include "sandbox/launcher.h"
#include "sandbox/workspace.h"

namespace remit::agent {

inline constexpr std::size_t kPinnedFileBytes = 16u << 20;
inline constexpr std::size_t kPinListBytes = 1u << 20;
inline constexpr std::size_t kCheckOutputBytes = 16u << 10;

struct CheckSpec {
  std::string name;
  std::vector<std::string> command;
  Duration timeout{std::chrono::minutes(1)};
};

struct PinnedFile {
  std::string path;  // Relative to the workspace.
  std::string copy;  // Absolute, in the run's folder.
  std::string sha256;
};

class Checks {
 public:
  // `folder` receives the copies and a list of them. With `fresh` false (a resume) those copies are used again,
  // whatever the workspace holds by now. Fails when a check cannot be pinned, or a copy is not what its hash says: a
  // run without its checks would prove nothing.
  static Result<Checks> pin(std::vector<CheckSpec> specs, const std::string& workspace_folder,
                            const std::string& folder, bool fresh);

  const std::vector<PinnedFile>& pinned() const { return pinned_; }
  bool empty() const { return specs_.empty(); }

  // Runs them one after the other. A check that cannot be run has failed and says why.
  Task<std::vector<CheckResult>> run(sandbox::Launcher& launcher, sandbox::Workspace& workspace,
                                     asio::thread_pool& file_pool, sandbox::Limits limits) const;

 private:
  Task<CheckResult> run_one(CheckSpec spec, sandbox::Launcher& launcher, sandbox::Workspace& workspace,
                            asio::thread_pool& file_pool, sandbox::Limits limits) const;

  Result<> pin_from(const std::string& workspace_folder, const std::string& folder);
  Result<> load_from(const std::string& folder);

  std::vector<CheckSpec> specs_;
  std::vector<PinnedFile> pinned_;
};

}  // namespace remit::agent

// DataFolder: where Remit keeps what must survive it, and who may write there.
//
//   VERSION          layout version, one decimal number
//   daemon.lock      held by `remit serve`; contains its process id
//   remit.sock       the API's socket
//   resources.db     the kinds; ledger.db the accounts
//   runs/<RUN>/      log, lock, and what the workspace keeps for the run
//
// Promises: a newer layout is refused with kFailedPrecondition, an older one migrated under the daemon's lock.
// Everything is made with mode 0700 or 0600. Locks are flock(2): the kernel drops them when their holder dies, however
// it dies. Safe to use from any thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/ulid.h"
#include "base/unique_fd.h"

namespace remit::store {

inline constexpr int kDataFolderVersion = 1;
inline constexpr std::size_t kRunsListed = 100'000;

// A lock that is held as long as this lives.
class LockFile {
 public:
  // kFailedPrecondition when another process holds it; the message names its pid and `what`.
  static Result<LockFile> take(std::string path, std::string_view what);
  // The pid of the process that holds the lock at `path`, nothing when it is free.
  static Result<std::optional<pid_t>> holder(const std::string& path);

 private:
  explicit LockFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

class DataFolder {
 public:
  using Variable = std::function<std::optional<std::string>(const char* name)>;
  // $REMIT_DATA, else $XDG_STATE_HOME/remit, else ~/.local/state/remit. Fails when none of them can be told.
  static Result<std::string> default_path();
  static Result<std::string> default_path(const Variable& variable);

  // `steps[i]` takes a folder of layout version i+1 to i+2.
  using Step = std::function<Result<>(const std::string& path)>;
  static Result<DataFolder> open(std::string path);
  static Result<DataFolder> open(std::string path, const std::vector<Step>& steps);

  const std::string& path() const { return path_; }
  std::string socket_path() const { return path_ + "/remit.sock"; }
  std::string resources_path() const { return path_ + "/resources.db"; }
  std::string ledger_path() const { return path_ + "/ledger.db"; }
  std::string runs_path() const { return path_ + "/runs"; }
  std::string run_path(Ulid run) const { return runs_path() + "/" + run.to_string(); }
  std::string run_log_path(Ulid run) const { return run_path(run) + "/log"; }

  // Makes the run's folder, durably.
  Result<> create_run(Ulid run) const;
  // The runs that have a folder, oldest first.
  Result<std::vector<Ulid>> runs() const;

  // kFailedPrecondition, naming the pid, when another `remit serve` works on this folder.
  Result<LockFile> lock_daemon() const;
  Result<std::optional<pid_t>> daemon_pid() const;
  // Held by the process that drives the run.
  Result<LockFile> lock_run(Ulid run) const;
  Result<std::optional<pid_t>> run_pid(Ulid run) const;

 private:
  explicit DataFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace remit::store

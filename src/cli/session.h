// Session: what one command of `remit` works with: the data folder, the store behind it, and an io_context that runs
// until the command is done.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/clock.h"
#include "base/rng.h"
#include "base/task.h"
#include "core/run_record.h"
#include "resource/mission.h"
#include "resource/store.h"
#include "store/data_folder.h"
#include "store/file_system.h"

namespace remit::cli {

enum class OutputFormat { kText, kJson, kJsonLines, kYaml };

// Flags that every command takes.
struct CommonFlags {
  std::string ns = "default";
  std::string data;  // Data folder; "" for the default.
  OutputFormat output = OutputFormat::kText;
};

// One run, found by what the user called it.
struct FoundRun {
  Ulid id;
  std::string mission_ns, mission;
  std::string workspace_folder;
  std::vector<std::string> hide;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> open(asio::io_context& io, const CommonFlags& flags);

  asio::io_context& io() { return io_; }
  resource::Store& store() { return *store_; }
  const store::DataFolder& folder() const { return folder_; }
  Clock& clock() { return clock_; }
  const CommonFlags& flags() const { return flags_; }
  // A daemon holds the data folder, and the store is reached through it.
  bool has_daemon() const { return has_daemon_; }
  // Lets go of the store, whose kept connections would keep the io_context running.
  void close() { store_.reset(); }

  // `name`: a run's id, a mission's name, or "" for the latest run of all.
  Result<FoundRun> find_run(const std::string& name);
  Result<std::vector<RunRecord>> records(Ulid run);
  Task<Result<resource::Object>> mission(const std::string& name);

 private:
  Session(asio::io_context& io, CommonFlags flags, store::DataFolder folder);

  asio::io_context& io_;
  CommonFlags flags_;
  SystemClock clock_;
  SystemRng rng_;
  store::PosixFileSystem files_;
  store::DataFolder folder_;
  std::unique_ptr<resource::Store> store_;
  bool has_daemon_ = false;
};

// Whether a daemon holds the data folder and answers on its socket.
bool daemon_answers(const store::DataFolder& folder);
std::optional<std::string> environment_variable(std::string_view name);

// Opens a session, runs the command in it to its end and gives its exit code; an error is reported.
int in_session(const CommonFlags& flags, std::function<Task<Result<int>>(Session&)> command);

// Where the workspace of a mission's object is on disk.
std::string workspace_folder_of(const resource::Object& mission);
// Prints an object or a list as -o json or yaml has it.
void print_object(const json::value& value, OutputFormat format);

}  // namespace remit::cli

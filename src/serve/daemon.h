// Daemon: what `remit serve` is: holds a data folder, serves the API over it and drives the missions in it.
//
// A mission is driven by whoever began its run: by a process that put kDriverAnnotation on it, and by the daemon
// otherwise. The daemon begins a run of a mission that is Pending, or that has ended and was changed since (generation
// newer than status.observedGeneration), or whose kRunAnnotation names a run that is not there. Before it begins it
// writes the run's id into kRunAnnotation, so that after a crash at any instant the id tells whether that run has begun
// (its log has a beginning), is to be taken up (no end), or is over. At most `runs` at a time; the others wait as
// Pending with the condition Queued.
//
// Its own missions that were interrupted go on when it starts; sandboxes that its predecessor left are removed. stop()
// ends it in order: runs that do not end within kStopGrace are left as a crash would leave them, to be resumed by the
// next daemon.
//
// One shard: everything happens on the one thread of its io_context. More shards would each have an io_context, a
// Runtime and a Daemon of their own that take missions by hash(uid).
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "api/api_server.h"
#include "serve/run.h"
#include "serve/runtime.h"

namespace remit::serve {

inline constexpr std::size_t kDaemonRuns = 16;     // Under way at once in one daemon.
inline constexpr std::size_t kDaemonQueue = 4096;  // Missions to be looked at; more are found by listing again.
inline constexpr Duration kStopGrace = std::chrono::seconds(2);
inline constexpr Duration kRetryInterval = std::chrono::seconds(1);  // After the store could not be watched.

struct DaemonOptions {
  std::string data_folder;  // "": the default.
  EnvironmentGetter environment;
  std::string listen;  // "ADDRESS:PORT" on loopback, besides the unix socket; "": none. Port 0: any free one.
  std::size_t runs = kDaemonRuns;
  Duration stop_grace = kStopGrace;
};

class Daemon {
 public:
  // Takes the folder's daemon lock (kFailedPrecondition, naming the process, when another has it) and removes
  // leftovers.
  static Result<std::unique_ptr<Daemon>> open(asio::io_context& io, DaemonOptions options);
  ~Daemon();

  // Opens the doors. Nothing is driven yet.
  Result<> listen();
  // Drives missions until stop() was called. Unless at_rest() then, the process must leave without destroying the
  // Daemon.
  Task<> serve();
  void stop();

  std::size_t runs() const { return active_.size(); }
  // Nothing of it is under way any more.
  bool at_rest() const { return active_.empty() && background_ == 0; }
  const store::DataFolder& folder() const { return runtime_->folder(); }
  std::optional<std::uint16_t> port() const { return port_; }
  std::string key_path() const { return folder().path() + "/api.key"; }

 private:
  // How far the run that a mission names has come, by its log.
  enum class RunState { kAbsent, kUnbegun, kUnfinished, kEnded, kDrivenElsewhere };

  Daemon(asio::io_context& io, DaemonOptions options, store::LockFile lock, std::unique_ptr<Runtime> runtime);
  Task<> watch_missions();
  Task<> work();
  void look_at(resource::Key key);
  Task<> reconcile(resource::Key key);
  Task<> honour(resource::Object object, resource::Mission mission, Ulid run);
  Task<> name_run(resource::Object object);
  Task<> drive(resource::Object object, std::string uid, Ulid run, bool resume);
  Task<Result<std::unique_ptr<Run>>> take_up(resource::Object object, Ulid run, bool resume);
  Task<RunState> run_state(Ulid run);

  Task<Result<resource::Object>> publish(resource::Mission mission);
  Task<> publish_failure(resource::Mission mission, std::string reason, std::string message, bool forget_run);
  Task<> publish_stopped(resource::Mission mission);
  Task<> publish_end(resource::Mission mission, Ulid run);
  Task<> enqueue(resource::Mission mission);

  asio::io_context& io_;
  const DaemonOptions options_;
  store::LockFile lock_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<api::ApiServer> api_;
  std::optional<std::uint16_t> port_;

  std::map<std::string, Run*> active_;  // By the mission's uid; nullptr while the run is being prepared.
  std::deque<resource::Key> to_do_;
  std::set<std::string> waiting_;  // "namespace/name" of missions that wait for a place.
  bool overflown_ = false;         // to_do_ was full: what there is must be listed again.
  bool stopping_ = false;
  asio::steady_timer wake_worker_, wake_watcher_, stopped_, changed_;
  std::unique_ptr<resource::Watch> watch_;
  std::size_t background_ = 0;
};

}  // namespace remit::serve

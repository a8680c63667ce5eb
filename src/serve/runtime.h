// Runtime: what all runs of one process share: the data folder, the store, the file pool, the sandbox launcher, the
// ledger's authority, time and randomness. Lives on one shard's thread and outlives every run.
#pragma once

#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "base/clock.h"
#include "base/rng.h"
#include "ledger/authority.h"
#include "resource/store.h"
#include "sandbox/launcher.h"
#include "sandbox/probe.h"
#include "serve/from_mission.h"
#include "store/data_folder.h"
#include "store/file_system.h"

namespace remit::serve {

inline constexpr std::size_t kFilePoolThreads = 2;

struct RuntimeOptions {
  std::string data_folder;  // "": the default.
  EnvironmentGetter environment;
  // Names this process's sandboxes, so that another one's are left alone: "daemon", or "run-<pid>".
  std::string instance;
};

// How the sandboxes of a process that drives one run are named, so that what a dead one left is found.
inline std::string run_instance_of(pid_t pid) { return "run-" + std::to_string(pid); }

class Runtime {
 public:
  static Result<std::unique_ptr<Runtime>> open(asio::io_context& io, RuntimeOptions options);
  ~Runtime();

  asio::any_io_executor executor() { return io_.get_executor(); }
  Clock& clock() { return clock_; }
  Rng& rng() { return rng_; }
  store::FileSystem& files() { return files_; }
  asio::thread_pool& file_pool() { return file_pool_; }
  const store::DataFolder& folder() const { return folder_; }
  resource::Store& store() { return *store_; }
  ledger::Authority& authority() { return authority_; }
  const EnvironmentGetter& environment() const { return options_.environment; }

  // The launcher for a mission that demands at least `minimum`, made at first use. kFailedPrecondition, with the
  // reason, when this host has no such tier or cannot hold such limits.
  Task<Result<sandbox::Launcher*>> launcher(sandbox::Tier minimum, sandbox::LimitsMode limits);
  // Sandboxes of this process that exist now.
  std::size_t live_sandboxes() const { return launcher_ ? launcher_->live() : 0; }
  Task<sandbox::HostReport> host();

 private:
  Runtime(asio::io_context& io, RuntimeOptions options, store::DataFolder folder, ledger::Authority authority);

  asio::io_context& io_;
  RuntimeOptions options_;
  SystemClock clock_;
  SystemRng rng_;
  store::PosixFileSystem files_;
  store::DataFolder folder_;
  ledger::Authority authority_;
  asio::thread_pool file_pool_{kFilePoolThreads};
  std::unique_ptr<resource::Store> store_;
  std::optional<sandbox::HostReport> host_;
  std::unique_ptr<sandbox::Launcher> launcher_;
  bool opening_launcher_ = false;
  asio::steady_timer launcher_opened_;
};

}  // namespace remit::serve

// Worker: the store's thread. It takes requests in the order of their arrival, many in one transaction, and feeds the
// watches.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "resource/embedded/operations.h"
#include "resource/embedded/watch_state.h"
#include "resource/embedded_store.h"

namespace remit::resource {

// One call. run() is called once on the store's thread, then finish(); a transaction that could not be committed calls
// fail() before finish().
class Request {
 public:
  virtual ~Request() = default;
  virtual bool writes() const = 0;
  // Runs in a transaction of its own, so that it sees only what is committed.
  virtual bool alone() const = 0;
  // Returns whether it succeeded; when not, what it wrote is taken back.
  virtual bool run(Operations& operations) = 0;
  virtual void fail(const Error& error) = 0;
  virtual void finish() = 0;
};

class Worker {
 public:
  Worker(ObjectTable table, EmbeddedStoreOptions options);
  // Finishes what waits, then ends the watches.
  ~Worker();

  // False when limits::kStoreQueue requests wait already; the request is untouched then.
  bool submit(std::unique_ptr<Request>& request);

  // For the request that opens a watch; on the store's thread.
  Result<> add_watch(const std::shared_ptr<WatchState>& watch);

 private:
  void run();
  std::vector<std::unique_ptr<Request>> take_batch();
  void run_batch(std::vector<std::unique_ptr<Request>>& batch);
  bool run_one(Request& request);
  // Hands events that are new to the watches.
  Result<> feed_watches();
  Result<> seed_watch(WatchState& watch);
  Result<> seed_with_objects(WatchState& watch);
  Result<> seed_with_events(WatchState& watch);
  bool has_watches();
  void end_watches(const Error& error);

  // The store's thread only.
  ObjectTable table_;
  EmbeddedStoreOptions options_;
  Operations operations_;
  std::vector<std::weak_ptr<WatchState>> watches_;
  std::int64_t fed_version_ = 0;  // Watches have been offered everything up to here.
  bool feed_failed_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Request>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace remit::resource

// WatchState: what one watch and the store's thread share: the events that wait, and how the watcher is woken. Thread
// safe.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>

#include "base/task.h"
#include "resource/embedded/object_table.h"
#include "resource/store.h"

namespace remit::resource {

class WatchState : public std::enable_shared_from_this<WatchState> {
 public:
  WatchState(WatchOptions options, asio::any_io_executor executor)
      : options_(std::move(options)), executor_(executor), timer_(std::in_place, executor) {}

  const WatchOptions& options() const { return options_; }

  // From the store's thread. What the watch begins with does not count towards limits::kWatchBuffer.
  void seed(WatchEvent event);
  // Filters; an event that matches waits for the watcher, too many of them end the watch as expired.
  void offer(const StoredEvent& event);
  // Nothing matched for long: tell the watcher how far it has come.
  void pass(std::int64_t version);
  void end(Error error);

  // From the watcher's executor.
  Task<Result<WatchEvent>> next();
  void close();

  // What an event means to a watcher with these options; nothing when it does not concern it. As in Kubernetes, an
  // object that begins to match a selector is Added for it, one that ceases to is Deleted.
  static std::optional<WatchEventType> view(const WatchOptions& options, const StoredEvent& event);

 private:
  void push(WatchEvent event);  // Needs mutex_.
  void wake();                  // Needs mutex_.

  const WatchOptions options_;
  asio::any_io_executor executor_;
  std::optional<asio::steady_timer> timer_;  // Touched on executor_ only.

  std::mutex mutex_;
  std::deque<WatchEvent> events_;
  std::size_t seeded_ = 0;  // Of events_: those that it began with.
  std::optional<Error> ended_;
  bool waiting_ = false;
  std::int64_t told_version_ = 0;
};

WatchEvent bookmark(std::string_view kind, std::int64_t version);

}  // namespace remit::resource

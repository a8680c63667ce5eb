#include "resource/embedded/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "resource/limits.h"

namespace remit::resource {

Worker::Worker(ObjectTable table, EmbeddedStoreOptions options)
    : table_(std::move(table)),
      options_(options),
      operations_(table_, *options.clock, *options.rng, options.event_history) {
  thread_ = std::thread([this] { run(); });
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
  end_watches({Code::kCancelled, "the store is closed"});
}

bool Worker::submit(std::unique_ptr<Request>& request) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= limits::kStoreQueue) return false;
    queue_.push_back(std::move(request));
  }
  changed_.notify_one();
  return true;
}

// Waits for requests; with watches open no longer than the poll interval, because another process may write. Empty when
// there are none.
std::vector<std::unique_ptr<Request>> Worker::take_batch() {
  const bool poll = has_watches();
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return stopping_ || !queue_.empty(); };
  if (poll) {
    changed_.wait_for(lock, options_.poll, ready);
  } else {
    changed_.wait(lock, ready);
  }
  std::vector<std::unique_ptr<Request>> batch;
  while (!queue_.empty() && batch.size() < limits::kStoreBatch) {
    const bool alone = queue_.front()->alone();
    if (alone && !batch.empty()) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (alone) break;
  }
  return batch;
}

void Worker::run() {
  for (;;) {
    auto batch = take_batch();
    if (!batch.empty()) {
      run_batch(batch);
    } else {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    if (!has_watches()) continue;
    const auto fed = feed_watches();
    if (!fed && !feed_failed_) log::warn("the store cannot read its history: {}", fed.error().to_string());
    feed_failed_ = !fed;
  }
}

bool Worker::run_one(Request& request) {
  if (!request.writes()) {
    request.run(operations_);
    return true;
  }
  auto& database = table_.database();
  if (const auto begun = database.execute("SAVEPOINT request"); !begun) {
    request.fail(begun.error());
    return false;
  }
  const bool succeeded = request.run(operations_);
  if (!succeeded) {
    if (const auto undone = database.execute("ROLLBACK TO request"); !undone) return false;
  }
  const auto released = database.execute("RELEASE request");
  if (!released) request.fail(released.error());
  return released.has_value();
}

void Worker::run_batch(std::vector<std::unique_ptr<Request>>& batch) {
  const bool writes = std::ranges::any_of(batch, [](const auto& request) { return request->writes(); });
  if (!writes) {
    for (const auto& request : batch) request->run(operations_);
  } else {
    const auto committed = table_.database().transaction([&]() -> Result<> {
      for (const auto& request : batch) {
        if (!run_one(*request))
          return remit::fail(Code::kUnavailable, "the store's transaction broke off; nothing of it was kept");
      }
      return {};
    });
    // Reads of this batch may have seen what is now gone: everything failed.
    if (!committed) {
      for (const auto& request : batch) request->fail(committed.error());
    }
  }
  for (const auto& request : batch) request->finish();
}

bool Worker::has_watches() {
  std::erase_if(watches_, [](const auto& watch) { return watch.expired(); });
  return !watches_.empty();
}

void Worker::end_watches(const Error& error) {
  for (const auto& weak : watches_) {
    if (const auto watch = weak.lock()) watch->end(error);
  }
  watches_.clear();
}

Result<> Worker::feed_watches() {
  REMIT_TRY(const auto current, table_.current_version());
  if (current == fed_version_) return {};
  std::vector<std::shared_ptr<WatchState>> watches;
  for (const auto& weak : watches_) {
    if (auto watch = weak.lock()) watches.push_back(std::move(watch));
  }
  bool gap = false;
  const auto fed = table_.events_after(fed_version_, "", [&](const StoredEvent& event) -> Result<> {
    // Every version has one event; one that is missing was trimmed away before we saw it.
    gap = gap || event.version != fed_version_ + 1;
    fed_version_ = event.version;
    if (gap) return {};
    for (const auto& watch : watches) watch->offer(event);
    return {};
  });
  if (gap) {
    end_watches({kExpired, "more changed at once than the history holds; list again"});
    return fed;
  }
  for (const auto& watch : watches) watch->pass(fed_version_);
  return fed;
}

Result<> Worker::add_watch(const std::shared_ptr<WatchState>& watch) {
  if (!has_watches()) {
    REMIT_TRY(fed_version_, table_.current_version());
  } else {
    REMIT_CHECK_OK(feed_watches());
  }
  if (watches_.size() >= limits::kWatches) {
    return remit::fail(Code::kResourceExhausted,
                       fmt::format("{} watches are open; no more are taken", watches_.size()));
  }
  REMIT_CHECK_OK(seed_watch(*watch));
  watches_.push_back(watch);
  return {};
}

Result<> Worker::seed_watch(WatchState& watch) {
  return watch.options().resource_version.empty() ? seed_with_objects(watch) : seed_with_events(watch);
}

static Error backlog_error() {
  return {Code::kResourceExhausted,
          fmt::format("a watch begins with at most {} objects; list them and watch from there", limits::kWatchBacklog)};
}

// What there is now, as of fed_version_: the request is alone in a transaction that keeps other writers out.
Result<> Worker::seed_with_objects(WatchState& watch) {
  const auto& options = watch.options();
  std::size_t count = 0;
  const auto take = [&](Object object) -> Result<bool> {
    const StoredEvent event{0, WatchEventType::kAdded, std::move(object), {}};
    if (!WatchState::view(options, event)) return true;
    if (++count > limits::kWatchBacklog) return remit::fail(backlog_error());
    watch.seed({WatchEventType::kAdded, event.object});
    return true;
  };
  REMIT_CHECK_OK(table_.scan(options.kind, options.ns, "", "", take));
  watch.seed(bookmark(options.kind, fed_version_));
  return {};
}

Result<> Worker::seed_with_events(WatchState& watch) {
  const auto& text = watch.options().resource_version;
  std::int64_t from = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), from);
  if (error != std::errc() || end != text.data() + text.size())
    return remit::fail(invalid_argument("resourceVersion is not one of this store"));
  REMIT_TRY(const auto compacted, table_.compacted_version());
  if (from < compacted || from > fed_version_) {
    return remit::fail(kExpired, fmt::format("the history from version {} on is gone; list again", from));
  }
  std::size_t count = 0;
  return table_.events_after(from, watch.options().kind, [&](const StoredEvent& event) -> Result<> {
    const auto type = WatchState::view(watch.options(), event);
    // What is newer than fed_version_ comes to all watches together.
    if (!type || event.version > fed_version_) return {};
    if (++count > limits::kWatchBacklog) return remit::fail(backlog_error());
    watch.seed({*type, event.object});
    return {};
  });
}

}  // namespace remit::resource

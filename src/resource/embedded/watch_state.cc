#include "resource/embedded/watch_state.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "resource/limits.h"

namespace remit::resource {

WatchEvent bookmark(std::string_view kind, std::int64_t version) {
  json::object content;
  content["apiVersion"] = json::string(jsv(kApiVersion));
  content["kind"] = json::string(jsv(kind));
  content["metadata"] = json::object{{"resourceVersion", std::to_string(version)}};
  return {WatchEventType::kBookmark, Object(std::move(content))};
}

std::optional<WatchEventType> WatchState::view(const WatchOptions& options, const StoredEvent& event) {
  const Object& object = event.object;
  if (object.kind() != options.kind) return std::nullopt;
  if (!options.ns.empty() && object.ns() != options.ns) return std::nullopt;
  if (!options.name.empty() && object.name() != options.name) return std::nullopt;
  if (options.selector.empty()) return event.type;
  const bool before = event.type != WatchEventType::kAdded && options.selector.matches(event.labels_before);
  const bool now = event.type != WatchEventType::kDeleted && options.selector.matches(object.labels());
  if (before && now) return WatchEventType::kModified;
  if (now) return WatchEventType::kAdded;
  if (before) return WatchEventType::kDeleted;
  return std::nullopt;
}

void WatchState::wake() {
  if (!waiting_) return;
  waiting_ = false;
  asio::post(executor_, [weak = weak_from_this()] {
    if (const auto self = weak.lock(); self && self->timer_) self->timer_->cancel();
  });
}

void WatchState::push(WatchEvent event) {
  if (ended_) return;
  if (events_.size() - seeded_ >= limits::kWatchBuffer) {
    events_.clear();
    seeded_ = 0;
    ended_ =
        Error(kExpired, fmt::format("the watch fell behind by more than {} events; list again", limits::kWatchBuffer));
  } else {
    events_.push_back(std::move(event));
  }
  wake();
}

void WatchState::seed(WatchEvent event) {
  const std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  ++seeded_;
}

void WatchState::offer(const StoredEvent& event) {
  const auto type = view(options_, event);
  const std::lock_guard lock(mutex_);
  if (!type) return;
  told_version_ = event.version;
  push({*type, event.object});
}

void WatchState::pass(std::int64_t version) {
  const std::lock_guard lock(mutex_);
  if (told_version_ == 0) told_version_ = version;
  if (version - told_version_ < limits::kBookmarkEvery) return;
  told_version_ = version;
  // The newest bookmark tells all that an older one would.
  if (!events_.empty() && events_.size() > seeded_ && events_.back().type == WatchEventType::kBookmark)
    events_.pop_back();
  push(bookmark(options_.kind, version));
}

void WatchState::end(Error error) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = std::move(error);
  wake();
}

void WatchState::close() {
  end({Code::kCancelled, "the watch was closed"});
  const std::lock_guard lock(mutex_);
  events_.clear();
  seeded_ = 0;
}

Task<Result<WatchEvent>> WatchState::next() {
  const auto self = shared_from_this();
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (!events_.empty()) {
        WatchEvent event = std::move(events_.front());
        events_.pop_front();
        if (seeded_ > 0) --seeded_;
        co_return event;
      }
      if (ended_) co_return fail(*ended_);
      waiting_ = true;
      timer_->expires_at(asio::steady_timer::time_point::max());
    }
    // wake() posts to this executor, so that it cannot come between here and the wait.
    co_await timer_->async_wait(asio::as_tuple(asio::use_awaitable));
    const auto cancelled = co_await asio::this_coro::cancellation_state;
    if (cancelled.cancelled() != asio::cancellation_type::none)
      co_return fail(Code::kCancelled, "the wait was cancelled");
  }
}

}  // namespace remit::resource

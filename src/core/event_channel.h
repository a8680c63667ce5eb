// EventChannel: a bounded queue of Events from a producing coroutine to a consuming one, both on one thread, and
// make_call, which runs a coroutine as a Call. The bound is the backpressure: send() waits while the queue is full.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/task.h"
#include "core/event.h"
#include "core/executor.h"

namespace remit {

inline constexpr std::size_t kEventChannelDepth = 64;

// The producer's end. One thread; one producer.
class EventSink {
 public:
  explicit EventSink(asio::any_io_executor executor) : readable_(executor), writable_(executor) {
    readable_.expires_at(asio::steady_timer::time_point::max());
    writable_.expires_at(asio::steady_timer::time_point::max());
  }

  // Waits for room. Events sent after cancel() are dropped, so that a producer never waits for a consumer that has
  // gone.
  Task<> send(Event event);

  std::optional<CancelReason> cancelled() const { return cancelled_; }
  // Called at most once, when cancel() comes; replaces the hook before. If cancel() came already, it is called at once.
  // nullptr: no hook.
  void on_cancel(std::function<void(CancelReason)> hook);

 private:
  friend class ChannelCall;
  void push(Event event);
  void cancel(CancelReason reason);

  std::deque<Event> events_;
  asio::steady_timer readable_;
  asio::steady_timer writable_;
  std::optional<CancelReason> cancelled_;
  std::function<void(CancelReason)> on_cancel_;
};

// Starts `body` on `executor`. What it returns becomes the Done event. Destroying the Call cancels it; the body then
// runs to its end alone.
std::unique_ptr<Call> make_call(asio::any_io_executor executor,
                                std::function<Task<Outcome>(std::shared_ptr<EventSink>)> body);

// An Outcome that is nothing but an error, which the agent gets as text.
Outcome failed_outcome(Error error);

}  // namespace remit

#include "gateway/detail/call_pump.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/limits.h"

namespace remit::gateway {

struct CallPump::State {
  State(const asio::any_io_executor& executor, Clock& time, std::unique_ptr<Call> governed, Duration interval)
      : clock(time), call(std::move(governed)), tick(interval), readable(executor), writable(executor) {
    readable.expires_at(asio::steady_timer::time_point::max());
    writable.expires_at(asio::steady_timer::time_point::max());
  }

  Clock& clock;
  std::unique_ptr<Call> call;
  const Duration tick;
  std::deque<Event> events;
  asio::steady_timer readable, writable;
  bool waiting = false;  // next() waits, so that a tick is worth something.
  bool ticked = false;
  bool done = false;
  bool abandoned = false;
  asio::cancellation_signal end_of_beat;
};

CallPump::CallPump(asio::any_io_executor executor, Clock& clock, std::unique_ptr<Call> call, Duration tick)
    : state_(std::make_shared<State>(executor, clock, std::move(call), tick)) {
  asio::co_spawn(executor, read(state_), asio::detached);
  if (tick > Duration::zero()) {
    asio::co_spawn(executor, beat(state_),
                   asio::bind_cancellation_slot(state_->end_of_beat.slot(), [state = state_](std::exception_ptr) {}));
  }
}

CallPump::~CallPump() {
  state_->abandoned = true;
  state_->writable.cancel();
  cancel(CancelReason::kClient);
}

void CallPump::cancel(CancelReason reason) {
  if (!state_->done) state_->call->cancel(reason);
}

Task<> CallPump::read(std::shared_ptr<State> state) {
  while (!state->done) {
    Event event = co_await state->call->next();
    state->done = std::holds_alternative<Done>(event);
    if (state->abandoned) continue;
    state->events.push_back(std::move(event));
    state->readable.cancel();
    while (!state->done && !state->abandoned && state->events.size() >= kPumpedEvents) {
      co_await state->writable.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  state->end_of_beat.emit(asio::cancellation_type::all);
}

Task<> CallPump::beat(std::shared_ptr<State> state) {
  while (!state->done && co_await state->clock.sleep_for(state->tick)) {
    if (state->waiting && state->events.empty()) state->ticked = true, state->readable.cancel();
  }
}

Task<std::optional<Event>> CallPump::next() {
  auto state = state_;
  state->waiting = true;
  while (state->events.empty() && !state->ticked) {
    co_await state->readable.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  state->waiting = false;
  state->ticked = false;
  if (state->events.empty()) co_return std::nullopt;
  Event event = std::move(state->events.front());
  state->events.pop_front();
  state->writable.cancel();
  co_return event;
}

}  // namespace remit::gateway

#include "http/detail/deadlines.h"

#include <boost/asio/bind_cancellation_slot.hpp>

namespace remit::http::detail {

Deadlines::Entry::Entry(std::shared_ptr<Deadlines> deadlines) : deadlines_(std::move(deadlines)) {
  deadlines_->entries_.push_back(*this);
}

void Deadlines::Entry::set(SteadyTime at) {
  at_ = at;
  if (at < deadlines_->wake_at_) deadlines_->arm(at);
}

void Deadlines::stop() {
  ++generation_;
  wake_at_ = kNever;
  if (const auto signal = std::exchange(sleeping_, nullptr)) signal->emit(asio::cancellation_type::terminal);
}

void Deadlines::arm(SteadyTime at) {
  stop();
  wake_at_ = std::max(at, now() + kTimerSlack / 2);
  sleeping_ = std::make_shared<asio::cancellation_signal>();
  auto rang = [weak = weak_from_this(), generation = generation_, signal = sleeping_](std::exception_ptr, bool) {
    if (const auto self = weak.lock(); self && self->generation_ == generation) self->sweep();
  };
  asio::co_spawn(executor_, clock_.sleep_until(wake_at_),
                 asio::bind_cancellation_slot(sleeping_->slot(), std::move(rang)));
}

void Deadlines::sweep() {
  sleeping_.reset();
  wake_at_ = kNever;
  const SteadyTime time = now();
  SteadyTime earliest = kNever;
  for (Entry& entry : entries_) {
    if (entry.at_ <= time) {
      entry.at_ = kNever;
      entry.on_expired();
    }
    earliest = std::min(earliest, entry.at_);
  }
  if (earliest < wake_at_) arm(earliest);
}

Event::Event(std::shared_ptr<Deadlines> deadlines)
    : Deadlines::Entry(std::move(deadlines)),
      timer_(this->deadlines().executor(), asio::steady_timer::time_point::max()) {}

void Event::notify() {
  notified_ = true;
  timer_.cancel();
}

void Event::on_expired() {
  expired_ = true;
  timer_.cancel();
}

Task<Event::Wake> Event::wait(SteadyTime until) {
  if (!notified_) {
    expired_ = false;
    set(until);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
    clear();
  }
  if (notified_) co_return Wake::kNotified;
  co_return expired_ ? Wake::kTimedOut : Wake::kCancelled;
}

}  // namespace remit::http::detail

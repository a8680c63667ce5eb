#include "base/clock.h"

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace remit {

namespace {

Task<bool> wait(std::shared_ptr<asio::steady_timer> timer) {
  auto [error] = co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  co_return !error;
}

}  // namespace

WallTime SystemClock::wall_now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

SteadyTime SystemClock::steady_now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

Task<bool> SystemClock::sleep_until(SteadyTime at) {
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor);
  timer->expires_at(std::chrono::time_point_cast<asio::steady_timer::duration>(at));
  co_return co_await wait(std::move(timer));
}

SimulatedClock::SimulatedClock(WallTime start) : start_(start) {}

Task<bool> SimulatedClock::sleep_until(SteadyTime at) {
  if (at <= steady_now()) co_return true;
  auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor);
  timer->expires_at(asio::steady_timer::time_point::max());
  sleepers_.emplace(at, timer);
  // A timer that advance() cancelled has rung; one cancelled earlier belongs to a coroutine that was cancelled.
  co_await wait(timer);
  co_return at <= steady_now();
}

void SimulatedClock::advance(Duration by) {
  elapsed_ += by;
  while (!sleepers_.empty() && sleepers_.begin()->first <= steady_now()) {
    sleepers_.begin()->second->cancel();
    sleepers_.erase(sleepers_.begin());
  }
}

std::string to_rfc3339(WallTime time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - days).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", int(date.year()), unsigned(date.month()),
                     unsigned(date.day()), micros / 3600000000, micros / 60000000 % 60, micros / 1000000 % 60,
                     micros % 1000000);
}

}  // namespace remit

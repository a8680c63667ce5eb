// Clock: the only source of time. A run under SimulatedClock sees exactly the time that its test gives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>

#include <boost/asio/steady_timer.hpp>

#include "base/task.h"

namespace remit {

using Duration = std::chrono::nanoseconds;
// Nanoseconds since 1970-01-01 UTC. For records and people; it may jump.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;
// Never jumps; for deadlines and measuring.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  virtual SteadyTime steady_now() const = 0;
  // Returns true when `at` has come, false when the waiting coroutine was cancelled first.
  virtual Task<bool> sleep_until(SteadyTime at) = 0;

  Task<bool> sleep_for(Duration length) { return sleep_until(steady_now() + length); }
};

// Safe to use from any thread.
class SystemClock final : public Clock {
 public:
  WallTime wall_now() const override;
  SteadyTime steady_now() const override;
  Task<bool> sleep_until(SteadyTime at) override;
};

// Time moves only by advance(). One thread only.
class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(WallTime start = WallTime(std::chrono::hours(24 * 365 * 50)));

  WallTime wall_now() const override { return start_ + elapsed_; }
  SteadyTime steady_now() const override { return SteadyTime(elapsed_); }
  Task<bool> sleep_until(SteadyTime at) override;

  // Moves time forward; sleepers whose time has come wake when their io_context next runs.
  void advance(Duration by);

 private:
  WallTime start_;
  Duration elapsed_{0};
  std::multimap<SteadyTime, std::shared_ptr<asio::steady_timer>> sleepers_;
};

// "2026-11-24T01:02:03.456789Z", as RFC 3339 and Kubernetes' MicroTime have it.
std::string to_rfc3339(WallTime time);
inline std::int64_t unix_nanos(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime wall_from_nanos(std::int64_t nanos) { return WallTime(Duration(nanos)); }

}  // namespace remit

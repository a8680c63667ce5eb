// Deadlines: one timer for all time-outs of a server or a client. Setting one costs a comparison, because the timer is
// moved only when a new deadline is earlier than its next wake-up; a deadline that moved away is found to be later when
// the timer rings, and the timer sleeps on. Entries ring at most kTimerSlack late. One thread. With no deadline set, no
// timer runs.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <memory>

#include "base/clock.h"
#include "base/task.h"
#include "http/limits.h"

namespace remit::http::detail {

inline constexpr SteadyTime kNever = SteadyTime::max();

class Deadlines : public std::enable_shared_from_this<Deadlines> {
 public:
  class Entry : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
   public:
    explicit Entry(std::shared_ptr<Deadlines> deadlines);
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    void set(SteadyTime at);
    void clear() { at_ = kNever; }
    Deadlines& deadlines() const { return *deadlines_; }

   protected:
    ~Entry() = default;
    // The deadline has come and is cleared. It may cancel operations; it must not destroy an entry.
    virtual void on_expired() = 0;

   private:
    friend class Deadlines;
    std::shared_ptr<Deadlines> deadlines_;
    SteadyTime at_ = kNever;
  };

  Deadlines(asio::any_io_executor executor, Clock& clock) : executor_(std::move(executor)), clock_(clock) {}
  ~Deadlines() { stop(); }
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  SteadyTime now() const { return clock_.steady_now(); }
  Clock& clock() const { return clock_; }
  const asio::any_io_executor& executor() const { return executor_; }
  // now() + length, or kNever for zero.
  SteadyTime in(Duration length) const { return length == Duration::zero() ? kNever : now() + length; }
  // Lets the timer go, so that the io_context can run dry; the next set() starts it again.
  void stop();

 private:
  void arm(SteadyTime at);
  void sweep();

  asio::any_io_executor executor_;
  Clock& clock_;
  boost::intrusive::list<Entry, boost::intrusive::constant_time_size<false>> entries_;
  std::shared_ptr<asio::cancellation_signal> sleeping_;
  SteadyTime wake_at_ = kNever;
  std::uint64_t generation_ = 0;
};

// Event: one coroutine waits for another's word, with a bound. Once notified it stays so.
class Event final : private Deadlines::Entry {
 public:
  enum class Wake : std::uint8_t { kNotified, kTimedOut, kCancelled };

  explicit Event(std::shared_ptr<Deadlines> deadlines);
  void notify();
  bool notified() const { return notified_; }
  Task<Wake> wait(SteadyTime until);

 private:
  void on_expired() override;

  asio::steady_timer timer_;
  bool notified_ = false;
  bool expired_ = false;
};

}  // namespace remit::http::detail

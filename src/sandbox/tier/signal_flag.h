// SignalFlag: something that one coroutine waits for and another makes true, on one thread.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace remit::sandbox {

class SignalFlag {
 public:
  explicit SignalFlag(asio::any_io_executor executor)
      : timer_(std::move(executor), asio::steady_timer::time_point::max()) {}

  // Wakes everyone who waits; they look again at what they wait for.
  void notify() { timer_.cancel(); }

  Task<> wait() { co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable)); }

 private:
  asio::steady_timer timer_;
};

}  // namespace remit::sandbox

// when_all(): runs several tasks side by side on the current thread and waits for all of them.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace remit {

// The tasks begin in order. They must not throw.
inline Task<> when_all(std::vector<Task<>> tasks) {
  auto executor = co_await asio::this_coro::executor;
  struct State {
    explicit State(const asio::any_io_executor& on) : all_done(on, asio::steady_timer::time_point::max()) {}
    std::size_t open = 0;
    asio::steady_timer all_done;
  };
  auto state = std::make_shared<State>(executor);
  state->open = tasks.size();
  for (auto& task : tasks) {
    asio::co_spawn(executor, std::move(task), [state](std::exception_ptr) {
      if (--state->open == 0) state->all_done.cancel();
    });
  }
  while (state->open > 0) co_await state->all_done.async_wait(asio::as_tuple(asio::use_awaitable));
}

}  // namespace remit

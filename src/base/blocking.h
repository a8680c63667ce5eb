// run_blocking(): does blocking work on a bounded pool of threads and comes back to the coroutine's own thread with its
// result.
#pragma once

#include <type_traits>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/task.h"

namespace remit {

// `work` returns a value and does not throw; what it refers to must live until it has run. Not cancellable: the wait
// ends with the work.
template <typename Work>
Task<std::invoke_result_t<Work>> run_blocking(asio::thread_pool& pool, Work work) {
  using Value = std::invoke_result_t<Work>;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Value)>(
      [&pool](auto handler, Work moved) {
        auto executor = asio::get_associated_executor(handler);
        // The guard keeps the waiting thread's io_context running while the pool works.
        auto guard = asio::make_work_guard(executor);
        asio::post(pool, [handler = std::move(handler), moved = std::move(moved), guard = std::move(guard)]() mutable {
          auto home = guard.get_executor();
          asio::post(home, [handler = std::move(handler), value = moved()]() mutable {
            std::move(handler)(std::move(value));
          });
        });
      },
      asio::use_awaitable, std::move(work));
}

}  // namespace remit

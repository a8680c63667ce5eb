// CallGate: at most so many calls at once against one provider; the others wait, the more important ones first. Private
// to the models module. One thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <utility>

#include "base/result.h"
#include "base/task.h"
#include "core/call_context.h"

namespace remit::models::wire {

class CallGate {
 public:
  CallGate(asio::any_io_executor executor, std::size_t places) : executor_(std::move(executor)), free_(places) {}

  // A place, given back when it is destroyed. The gate lives as long as its places.
  class Place {
   public:
    Place() = default;
    explicit Place(std::shared_ptr<CallGate> gate) : gate_(std::move(gate)) {}
    Place(Place&& other) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Place() {
      if (gate_) gate_->release();
    }

   private:
    std::shared_ptr<CallGate> gate_;
  };

  // Waits for a place. kResourceExhausted when limits::kQueuedCalls wait already; kCancelled when the waiting coroutine
  // is cancelled.
  static Task<Result<Place>> enter(std::shared_ptr<CallGate> gate, Importance importance);
  std::size_t waiting() const { return waiting_.size(); }

 private:
  struct Waiter {
    explicit Waiter(const asio::any_io_executor& executor) : wake(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer wake;
    bool granted = false;
  };
  void release();

  asio::any_io_executor executor_;
  std::size_t free_;
  std::uint64_t arrivals_ = 0;
  // The most important first, of one importance the oldest.
  std::map<std::pair<int, std::uint64_t>, std::shared_ptr<Waiter>> waiting_;
};

}  // namespace remit::models::wire

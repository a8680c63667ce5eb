#include "models/wire/call_gate.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "models/limits.h"

namespace remit::models::wire {

Task<Result<CallGate::Place>> CallGate::enter(std::shared_ptr<CallGate> gate, Importance importance) {
  if (gate->free_ > 0) {
    --gate->free_;
    co_return Place(gate);
  }
  if (gate->waiting_.size() >= limits::kQueuedCalls) {
    co_return fail(
        Code::kResourceExhausted,
        fmt::format("{} calls wait for this model provider already, the limit (kQueuedCalls)", limits::kQueuedCalls));
  }
  const std::pair<int, std::uint64_t> key{-static_cast<int>(importance), gate->arrivals_++};
  auto waiter = std::make_shared<Waiter>(gate->executor_);
  gate->waiting_.emplace(key, waiter);
  co_await waiter->wake.async_wait(asio::as_tuple(asio::use_awaitable));
  if (waiter->granted) co_return Place(gate);
  gate->waiting_.erase(key);
  co_return fail(Code::kCancelled, "the call was stopped while it waited for the model provider");
}

void CallGate::release() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  const auto first = waiting_.begin();
  first->second->granted = true;
  first->second->wake.cancel();
  waiting_.erase(first);
}

}  // namespace remit::models::wire

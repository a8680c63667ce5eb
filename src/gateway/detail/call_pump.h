// CallPump: lets one coroutine wait for the next event of a call or for a tick, whichever comes first. Reads ahead by
// kPumpedEvents. Destroyed before Done it cancels the call and drains it in the background. One thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "core/executor.h"

namespace remit::gateway {

class CallPump {
 public:
  // The clock must outlive the call.
  CallPump(asio::any_io_executor executor, Clock& clock, std::unique_ptr<Call> call, Duration tick);
  ~CallPump();
  CallPump(const CallPump&) = delete;
  CallPump& operator=(const CallPump&) = delete;

  // nullopt: a tick. Not to be called after Done.
  Task<std::optional<Event>> next();
  void cancel(CancelReason reason);

 private:
  struct State;
  static Task<> read(std::shared_ptr<State> state);
  static Task<> beat(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace remit::gateway

// Executor: carries out permitted actions of one kind. Runs on the shard's thread; may not block it.
#pragma once

#include <memory>

#include "base/task.h"
#include "core/call_context.h"
#include "core/event.h"
#include "core/permit.h"

namespace remit {

// A call that has begun. Destroying it before Done cancels it.
class Call {
 public:
  virtual ~Call() = default;
  // The next event. Done is the last one and always comes; not to be called after it. One caller at a time.
  virtual Task<Event> next() = 0;
  // Idempotent. Done follows as soon as the effect has really stopped.
  virtual void cancel(CancelReason reason) = 0;
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual std::unique_ptr<Call> start(Permit&& permit, CallContext context) = 0;
};

}  // namespace remit

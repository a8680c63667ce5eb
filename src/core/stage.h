// Stage: one safeguard of the pipeline. Stages are asked in order; the first that does not allow ends the matter,
// except that an Ask goes on to the stages behind it, of which the last (human) answers it.
#pragma once

#include <string_view>

#include "base/task.h"
#include "core/action.h"
#include "core/call_context.h"
#include "core/event.h"
#include "core/verdict.h"

namespace remit {

enum class StreamControl : std::uint8_t {
  kPass,
  kHold,  // Keep this event and those after it back until a later event is passed.
  kCut,   // Cancel the call; the agent gets what has passed so far.
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string_view name() const = 0;
  // `so_far` is Allow, or the Ask of a stage before. Must not throw; a stage that cannot decide answers kUnavailable.
  virtual Task<Verdict> decide(const Action& action, const CallContext& context, const Verdict& so_far) = 0;
  virtual StreamControl on_event(const Action&, const CallContext&, const Event&) { return StreamControl::kPass; }
  virtual void settle(const Action&, const CallContext&, const Outcome&) {}
};

}  // namespace remit

// CallContext: what surrounds one call of an action. Copied freely.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/ulid.h"

namespace remit {

enum class Importance : std::uint8_t { kLow, kNormal, kHigh, kCritical };

enum class CancelReason : std::uint8_t { kClient, kDeadline, kBudget, kPreempted, kStopped };
std::string_view to_string(CancelReason reason);  // "client", "deadline", "budget", "preempted", "stopped"

struct CallContext {
  Ulid run;
  std::uint64_t call =
      0;  // Number of this call in its run, from 1: the N of `remit why N`. 0 before the pipeline gave one.
  std::uint64_t parent = 0;  // Call that this one is nested in; 0 for none.
  std::optional<SteadyTime> deadline;
  Importance importance = Importance::kNormal;
  // Span id of this call: 16 hex digits, derived from run and call. The trace id is the run's.
  std::string span_id() const;
  // W3C traceparent header for what this call sends out.
  std::string traceparent() const;
};

}  // namespace remit

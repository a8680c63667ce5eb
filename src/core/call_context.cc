#include "core/call_context.h"

#include "base/strings.h"
#include "core/enum_names.h"

namespace remit {

static constexpr EnumNames<CancelReason, 5> kReasons{"a reason",
                                                     {"client", "deadline", "budget", "preempted", "stopped"}};

std::string_view to_string(CancelReason reason) { return kReasons.name(reason); }

std::string CallContext::span_id() const {
  // Derived, not drawn, so that every projection of one run log names the same spans.
  return sha256_hex(fmt::format("{}/{}", run.to_hex(), call)).substr(0, 16);
}

std::string CallContext::traceparent() const { return fmt::format("00-{}-{}-01", run.to_hex(), span_id()); }

}  // namespace remit

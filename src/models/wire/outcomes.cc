#include "models/wire/outcomes.h"

#include <fmt/format.h>

#include "base/limits.h"
#include "core/event_channel.h"

namespace remit::models::wire {

std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  std::size_t end = max_bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  // Bytes that are no UTF-8 at all are cut where the limit is.
  return text.substr(0, end == 0 ? max_bytes : end);
}

Outcome answered(ModelResponse response) {
  Outcome outcome;
  outcome.ok = true;
  outcome.text = utf8_prefix(response.message.text, remit::limits::kToolOutputBytes);
  outcome.truncated_bytes = static_cast<std::int64_t>(response.message.text.size() - outcome.text.size());
  outcome.usage = response.usage;
  outcome.usage_known = response.usage_known;
  outcome.response = std::move(response);
  return outcome;
}

Outcome broken_off(Error error, ModelResponse seen) {
  Outcome outcome = failed_outcome(std::move(error));
  outcome.usage = seen.usage;
  outcome.usage_known = seen.usage_known;
  outcome.response = std::move(seen);
  return outcome;
}

Error cancelled_error(CancelReason reason) {
  if (reason == CancelReason::kDeadline)
    return {Code::kDeadlineExceeded, "the model call was stopped: its deadline has passed"};
  return {Code::kCancelled, fmt::format("the model call was stopped (reason: {})", to_string(reason))};
}

}  // namespace remit::models::wire

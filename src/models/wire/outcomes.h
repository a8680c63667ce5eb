// The Outcomes that every provider makes in the same way. Private to the models module.
#pragma once

#include "core/call_context.h"
#include "core/event.h"

namespace remit::models::wire {

// The end of a whole answer. Outcome::text holds what fits of it; the response holds it all.
Outcome answered(ModelResponse response);
// The end of an answer that broke off: what was seen stays in the response, its usage in the outcome.
Outcome broken_off(Error error, ModelResponse seen);
Error cancelled_error(CancelReason reason);
// `text` up to max_bytes, not inside a UTF-8 sequence.
std::string_view utf8_prefix(std::string_view text, std::size_t max_bytes);

}  // namespace remit::models::wire

// The traceparent header of W3C Trace Context level 1 (section 3.2) as it comes from an agent's client.
#pragma once

#include <string>
#include <string_view>

namespace remit::gateway {

// The header in the form of version 00, or "" when it is malformed or names no trace: such a header is ignored, as the
// standard says. Later versions are read as far as 00 goes.
std::string parse_trace_parent(std::string_view header);

}  // namespace remit::gateway

// What a plain YAML scalar means by the core schema of YAML 1.2.2 (section 10.3.2), and when a string must be quoted so
// that no reader, of YAML 1.1 either, takes it for something else. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace remit::resource {

// A string when it is nothing else. Infinity and NaN, which JSON does not have, are strings too.
json::value resolve_plain_scalar(std::string_view text);
// Whether the text can stand unquoted, in block and flow context and as a key.
bool can_stand_plain(std::string_view text);

}  // namespace remit::resource

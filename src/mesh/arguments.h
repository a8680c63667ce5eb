// Checks a tool's arguments against its input schema before anything else sees them. The subset of JSON Schema 2020-12
// that tools use: type, properties, required, additionalProperties (false), enum, minimum, maximum, maxLength, items,
// default. Any thread.
#pragma once

#include <string>

#include "base/json.h"

namespace remit::mesh {

// The arguments with defaults filled in; an error names every fault: "timeout_s: expected an integer, got a string;
// comand: unknown, did you mean command?".
Result<json::object> check_arguments(const json::object& schema, json::object arguments);

}  // namespace remit::mesh

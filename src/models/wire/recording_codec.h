// Lines of a recording ↔ header and turns. Private to the models module.
#pragma once

#include "base/json.h"
#include "models/recording.h"

namespace remit::models::wire {

json::object to_json_object(const RecordingHeader& header);
Result<RecordingHeader> header_from_json(const json::object& object);
json::object to_json_object(const RecordedTurn& turn);
Result<RecordedTurn> turn_from_json(const json::object& object);
// The id of a tool use that is recorded without one: "call_main_3_1".
std::string default_use_id(std::string_view turn_name, std::size_t index);

}  // namespace remit::models::wire

// Small pieces that both dialects need. Private to the models module.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "core/model.h"

namespace remit::models::wire {

inline json::string text(std::string_view value) { return json::string(jsv(value)); }
inline std::string_view view(const json::string& value) { return {value.data(), value.size()}; }

// The member as an integer of at least 0; nullopt when absent, null, of another type or negative. A zero is a zero, not
// "absent".
std::optional<std::int64_t> count(const json::object& object, std::string_view key);

// Names in `extra` that are our own. They never come from outside: one that did could say something else upstream than
// what was judged here.
bool is_private_member(std::string_view key);

// Malformed input from a provider, quoted shortly for people.
Error garbage(std::string_view dialect, std::string_view what, std::string_view bytes);

// Arguments as text: a string as it is, anything else serialised.
std::string arguments_text(const json::value* value);

// Tool calls without an id (some servers send none) get one that is unique in the answer and differs between answers.
std::string made_up_id(std::string_view answer_id, std::size_t index);

}  // namespace remit::models::wire

// JSON as a tree: Boost.JSON behind bounds and Results.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/result.h"

namespace remit {

namespace json = boost::json;

// Refuses text over limits::kJsonBytes, nesting over limits::kJsonDepth and invalid UTF-8; says at which byte it
// failed.
Result<json::value> parse_json(std::string_view text);
Result<json::object> parse_json_object(std::string_view text);

// One form for one value: keys sorted by code unit, no white space. For hashes and comparison (RFC 8785 but for its
// number format).
std::string canonical_json(const json::value& value);
std::string to_json(const json::value& value);      // Compact, keys in the order they have.
std::string pretty_json(const json::value& value);  // Two spaces of indent, a final newline.

// Lookups that do not throw; the default when the key is absent or has another type.
const json::value* find(const json::object& object, std::string_view key);
const json::object* find_object(const json::object& object, std::string_view key);
const json::array* find_array(const json::object& object, std::string_view key);
std::string_view get_string(const json::object& object, std::string_view key, std::string_view fallback = "");
std::int64_t get_int(const json::object& object, std::string_view key, std::int64_t fallback = 0);
bool get_bool(const json::object& object, std::string_view key, bool fallback = false);

inline json::string_view jsv(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace remit

#include "base/json.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <boost/json/serialize.hpp>
#include <boost/json/stream_parser.hpp>

#include "base/limits.h"

namespace remit {

Result<json::value> parse_json(std::string_view text) {
  if (text.size() > limits::kJsonBytes) {
    return fail(Code::kResourceExhausted,
                fmt::format("JSON of {} bytes is over the limit of {} bytes", text.size(), limits::kJsonBytes));
  }
  json::parse_options options;
  options.max_depth = limits::kJsonDepth;
  json::stream_parser parser({}, options);
  json::error_code error;
  const std::size_t used = parser.write(text.data(), text.size(), error);
  if (!error) parser.finish(error);
  if (error) return fail(invalid_argument(fmt::format("not valid JSON at byte {}: {}", used, error.message())));
  return parser.release();
}

Result<json::object> parse_json_object(std::string_view text) {
  REMIT_TRY(auto value, parse_json(text));
  if (!value.is_object()) return fail(invalid_argument("expected a JSON object"));
  return std::move(value.get_object());
}

static void append_canonical(const json::value& value, std::string& out) {
  if (const auto* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    members.reserve(object->size());
    for (const auto& member : *object) members.push_back(&member);
    std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    out += '{';
    for (const auto* member : members) {
      if (out.back() != '{') out += ',';
      out += json::serialize(json::value(member->key()));
      out += ':';
      append_canonical(member->value(), out);
    }
    out += '}';
  } else if (const auto* array = value.if_array()) {
    out += '[';
    bool first = true;
    for (const auto& element : *array) {
      if (!first) out += ',';
      first = false;
      append_canonical(element, out);
    }
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

std::string canonical_json(const json::value& value) {
  std::string out;
  append_canonical(value, out);
  return out;
}

std::string to_json(const json::value& value) { return json::serialize(value); }

static void append_pretty(const json::value& value, int indent, std::string& out) {
  const std::string pad(static_cast<std::size_t>(indent) + 2, ' ');
  const auto* object = value.if_object();
  const auto* array = value.if_array();
  if ((!object || object->empty()) && (!array || array->empty())) {
    out += json::serialize(value);
    return;
  }
  const char* separator = object ? "{\n" : "[\n";
  if (object) {
    for (const auto& member : *object) {
      out += separator + pad + json::serialize(json::value(member.key())) + ": ";
      append_pretty(member.value(), indent + 2, out);
      separator = ",\n";
    }
  } else {
    for (const auto& element : *array) {
      out += separator + pad;
      append_pretty(element, indent + 2, out);
      separator = ",\n";
    }
  }
  out += "\n" + pad.substr(2) + (object ? "}" : "]");
}

std::string pretty_json(const json::value& value) {
  std::string out;
  append_pretty(value, 0, out);
  return out + "\n";
}

const json::value* find(const json::object& object, std::string_view key) { return object.if_contains(jsv(key)); }

const json::object* find_object(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  return value ? value->if_object() : nullptr;
}

const json::array* find_array(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  return value ? value->if_array() : nullptr;
}

std::string_view get_string(const json::object& object, std::string_view key, std::string_view fallback) {
  const auto* value = find(object, key);
  if (!value || !value->is_string()) return fallback;
  return {value->get_string().data(), value->get_string().size()};
}

std::int64_t get_int(const json::object& object, std::string_view key, std::int64_t fallback) {
  const auto* value = find(object, key);
  if (!value || !value->is_number()) return fallback;
  json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? fallback : number;
}

bool get_bool(const json::object& object, std::string_view key, bool fallback) {
  const auto* value = find(object, key);
  return value && value->is_bool() ? value->get_bool() : fallback;
}

}  // namespace remit

#include "mesh/arguments.h"

#include <vector>

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::mesh {

namespace {

std::string_view kind_of(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "null";
    case json::kind::bool_: return "a boolean";
    case json::kind::int64:
    case json::kind::uint64: return "an integer";
    case json::kind::double_: return "a number";
    case json::kind::string: return "a string";
    case json::kind::array: return "an array";
    case json::kind::object: return "an object";
  }
  return "something else";
}

bool has_type(const json::value& value, std::string_view type) {
  const bool integer = value.is_int64() || value.is_uint64();
  if (type == "string") return value.is_string();
  if (type == "integer") return integer;
  if (type == "number") return integer || value.is_double();
  if (type == "boolean") return value.is_bool();
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  return true;
}

class Checker {
 public:
  void check(const std::string& path, const json::object& schema, json::value& value);
  std::vector<std::string> faults;

 private:
  void check_object(const std::string& path, const json::object& schema, json::object& object);
  void check_bounds(const std::string& path, const json::object& schema, const json::value& value);
};

void Checker::check(const std::string& path, const json::object& schema, json::value& value) {
  if (const auto type = get_string(schema, "type"); !type.empty() && !has_type(value, type)) {
    const char* article = type == "integer" || type == "array" || type == "object" ? "an" : "a";
    faults.push_back(fmt::format("{}: expected {} {}, got {}", path, article, type, kind_of(value)));
    return;
  }
  if (const auto* allowed = find_array(schema, "enum");
      allowed && std::find(allowed->begin(), allowed->end(), value) == allowed->end()) {
    faults.push_back(fmt::format("{}: expected one of {}", path, to_json(*allowed)));
  }
  check_bounds(path, schema, value);
  if (value.is_object()) check_object(path, schema, value.get_object());
  if (const auto* items = find_object(schema, "items"); items && value.is_array()) {
    std::size_t i = 0;
    for (auto& element : value.get_array()) check(fmt::format("{}[{}]", path, i++), *items, element);
  }
}

void Checker::check_bounds(const std::string& path, const json::object& schema, const json::value& value) {
  if (value.is_number()) {
    const double number = value.to_number<double>();
    const auto* low = find(schema, "minimum");
    const auto* high = find(schema, "maximum");
    if (low && number < low->to_number<double>())
      faults.push_back(fmt::format("{}: must be at least {}", path, to_json(*low)));
    if (high && number > high->to_number<double>())
      faults.push_back(fmt::format("{}: must be at most {}", path, to_json(*high)));
  }
  const auto longest = get_int(schema, "maxLength", -1);
  if (value.is_string() && longest >= 0 && value.get_string().size() > static_cast<std::size_t>(longest)) {
    faults.push_back(fmt::format("{}: {} bytes is over the limit of {}", path, value.get_string().size(), longest));
  }
}

void Checker::check_object(const std::string& path, const json::object& schema, json::object& object) {
  const auto* properties = find_object(schema, "properties");
  const std::string prefix = path.empty() ? "" : path + ".";
  if (const auto* required = find_array(schema, "required")) {
    for (const auto& name : *required) {
      if (!object.contains(name.get_string()))
        faults.push_back(fmt::format("{}{}: missing", prefix, std::string_view(name.get_string())));
    }
  }
  if (!properties) return;
  std::vector<std::string_view> known;
  for (const auto& property : *properties) known.emplace_back(property.key());
  for (auto& member : object) {
    const std::string_view key = member.key();
    if (const auto* property = find_object(*properties, key)) {
      check(prefix + std::string(key), *property, member.value());
    } else if (!get_bool(schema, "additionalProperties", true)) {
      const auto near = nearest(key, known);
      faults.push_back(prefix + printable(key, 60) +
                       (near.empty() ? ": unknown" : fmt::format(": unknown, did you mean {}?", near)));
    }
  }
  for (const auto& property : *properties) {
    if (!property.value().is_object() || object.contains(property.key())) continue;
    if (const auto* fallback = find(property.value().get_object(), "default")) object[property.key()] = *fallback;
  }
}

}  // namespace

Result<json::object> check_arguments(const json::object& schema, json::object arguments) {
  Checker checker;
  json::value value(std::move(arguments));
  checker.check("", schema, value);
  if (!checker.faults.empty()) return fail(invalid_argument(join(checker.faults, "; ")));
  return std::move(value.get_object());
}

}  // namespace remit::mesh

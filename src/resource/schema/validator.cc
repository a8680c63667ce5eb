#include "resource/schema/validator.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "core/money.h"
#include "resource/quantity.h"
#include "resource/schema/leaf.h"

namespace remit::resource {

namespace {

constexpr std::size_t kShownBytes = 60;  // Of a bad value, in a message.

std::string shown(std::string_view text) { return printable(text, kShownBytes); }

std::vector<std::string_view> field_names(const Schema& schema) {
  std::vector<std::string_view> names;
  for (const auto& field : schema.fields) names.push_back(field.name);
  return names;
}

std::string_view expected_of(FieldType type) {
  switch (type) {
    case FieldType::kString: return "a string";
    case FieldType::kBool: return "true or false";
    case FieldType::kInt: return "a whole number";
    case FieldType::kEnum: return "a word";
    case FieldType::kDuration: return "a duration such as \"15m\" or \"1h30m\"";
    case FieldType::kBytes: return "a quantity such as \"512Mi\"";
    case FieldType::kCpu: return "a quantity such as \"2\" or \"500m\"";
    case FieldType::kMoney: return "an amount in US dollars as a decimal string in quotes, such as \"0.50\"";
    case FieldType::kObject:
    case FieldType::kMap:
    case FieldType::kFreeForm: return "a map";
    case FieldType::kList: return "a list";
  }
  return "";
}

template <typename T, typename F>
Result<std::int64_t> number_in(const Result<T>& parsed, F number) {
  if (!parsed) return fail(parsed.error());
  return number(*parsed);
}

}  // namespace

const Field* Schema::find(std::string_view name) const {
  for (const auto& field : fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string describe_value(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null: return "nothing";
    case json::kind::bool_: return value.get_bool() ? "true" : "false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_: return fmt::format("the number {}", shown(to_json(value)));
    case json::kind::string: return fmt::format("the string '{}'", shown(text_of(value)));
    case json::kind::array: return "a list";
    case json::kind::object: return "a map";
  }
  return "";
}

std::string format_bound(FieldType type, std::int64_t number) {
  switch (type) {
    case FieldType::kDuration: return format_duration(Duration(number));
    case FieldType::kBytes: return format_bytes({number});
    case FieldType::kCpu: return format_cpu({number});
    case FieldType::kMoney: return to_usd({number});
    default: return std::to_string(number);
  }
}

Result<std::int64_t> number_of(FieldType type, const json::value& value) {
  const auto wrong = [&] {
    return fail(invalid_argument(fmt::format("expected {}, found {}", expected_of(type), describe_value(value))));
  };
  if (type == FieldType::kInt) {
    if (value.is_int64()) return value.get_int64();
    // Programs make unsigned ones.
    if (value.is_uint64() && value.get_uint64() <= INT64_MAX) return static_cast<std::int64_t>(value.get_uint64());
    return wrong();
  }
  const bool plain_number = value.is_int64() && (type == FieldType::kBytes || type == FieldType::kCpu);
  if (!value.is_string() && !plain_number) return wrong();
  const std::string text = quantity_text(value);
  switch (type) {
    case FieldType::kDuration:
      return number_in(parse_duration(text), [](Duration d) { return std::int64_t{d.count()}; });
    case FieldType::kBytes: return number_in(parse_bytes(text), [](ByteSize size) { return size.bytes; });
    case FieldType::kCpu: return number_in(parse_cpu(text), [](CpuAmount cpu) { return cpu.milli; });
    case FieldType::kMoney: return number_in(parse_usd(text), [](MicroUsd usd) { return usd.value; });
    default: return wrong();
  }
}

bool Validator::add(const std::string& path, std::string message, std::string nearest) {
  if (problems_.size() >= limits::kProblems) return false;
  if (problems_.size() + 1 == limits::kProblems) {
    message = "there are more problems; correct these first", nearest = "";
  }
  problems_.push_back({source_.file(), source_.line(path), printable(path), std::move(message), std::move(nearest)});
  return problems_.size() < limits::kProblems;
}

void Validator::wrong_type(std::string_view expected, const json::value& value, const std::string& path) {
  add(path, fmt::format("expected {}, found {}", expected, describe_value(value)));
}

void Validator::check(const Schema& schema, json::value& value, const std::string& path) {
  if (problems_.size() >= limits::kProblems) return;
  switch (schema.type) {
    case FieldType::kObject: return check_object(schema, value, path);
    case FieldType::kList: return check_list(schema, value, path);
    case FieldType::kMap: return check_map(schema, value, path);
    case FieldType::kFreeForm: return check_free_form(value, path);
    default: return check_leaf(schema, value, path);
  }
}

void Validator::check_object(const Schema& schema, json::value& value, const std::string& path) {
  if (!value.is_object()) return wrong_type("a map", value, path);
  auto& object = value.get_object();
  check_unknown(schema, object, path);
  for (const auto& field : schema.fields) {
    auto* member = object.if_contains(jsv(field.name));
    // As in Kubernetes, a field that is null is absent.
    if (member && member->is_null()) {
      object.erase(jsv(field.name));
      member = nullptr;
    }
    if (!member && field.required) {
      add(path, fmt::format("missing field '{}': {}", field.name, expected_of(field.schema.type)));
      continue;
    }
    if (!member && field.default_value) member = &(object[jsv(field.name)] = *field.default_value);
    if (member) check(field.schema, *member, join_path(path, field.name));
  }
  check_union(schema, object, path);
  check_groups(schema, object, path);
}

void Validator::check_unknown(const Schema& schema, const json::object& object, const std::string& path) {
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (schema.find(key)) continue;
    const auto names = field_names(schema);
    std::string meant(remit::nearest(key, names));
    std::string message = fmt::format("unknown field '{}'", shown(key));
    if (meant.empty()) message += fmt::format("; the fields here are {}", fmt::join(names, ", "));
    if (!add(join_path(path, key), std::move(message), std::move(meant))) return;
  }
}

void Validator::check_union(const Schema& schema, const json::object& object, const std::string& path) {
  if (schema.discriminator.empty()) return;
  const auto type = get_string(object, schema.discriminator);
  for (const auto& [word, member] : schema.union_members) {
    const bool present = object.contains(jsv(member));
    if (word == type && !present)
      add(path, fmt::format("missing field '{}': {} {} needs it", member, schema.discriminator, type));
    if (word != type && present) {
      add(join_path(path, member), fmt::format("'{}' goes with {} {}, but {} is {}", member, schema.discriminator, word,
                                               schema.discriminator, shown(type)));
    }
  }
}

void Validator::check_groups(const Schema& schema, const json::object& object, const std::string& path) {
  const auto count = [&](const std::vector<std::string_view>& names) {
    return std::ranges::count_if(names, [&](std::string_view name) { return object.contains(jsv(name)); });
  };
  if (!schema.at_least_one_of.empty() && count(schema.at_least_one_of) == 0) {
    add(path, fmt::format("expected at least one of {}", fmt::join(schema.at_least_one_of, ", ")));
  }
  if (!schema.exactly_one_of.empty() && count(schema.exactly_one_of) != 1) {
    add(path, fmt::format("expected exactly one of {}", fmt::join(schema.exactly_one_of, ", ")));
  }
}

void Validator::check_list(const Schema& schema, json::value& value, const std::string& path) {
  if (!value.is_array()) return wrong_type("a list", value, path);
  auto& list = value.get_array();
  if (list.size() > schema.max_items) {
    add(path, fmt::format("{} items; at most {} are taken", list.size(), schema.max_items));
    return;
  }
  if (list.size() < schema.min_items)
    add(path, fmt::format("{} items; at least {} needed", list.size(), schema.min_items));
  for (std::size_t i = 0; i < list.size(); ++i) check(schema.items.front(), list[i], join_path(path, i));
  check_list_keys(schema, list, path);
}

void Validator::check_list_keys(const Schema& schema, const json::array& list, const std::string& path) {
  if (schema.map_key.empty() && !schema.unique) return;
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    std::string item_path = join_path(path, i);
    std::string_view key;
    if (!schema.map_key.empty()) {
      if (!list[i].is_object()) continue;
      key = get_string(list[i].get_object(), schema.map_key);
      item_path = join_path(item_path, schema.map_key);
    } else {
      key = text_of(list[i]);
    }
    if (!key.empty() && !seen.insert(key).second)
      add(item_path, fmt::format("'{}' stands in this list twice", shown(key)));
  }
}

void Validator::check_map(const Schema& schema, const json::value& value, const std::string& path) {
  if (!value.is_object()) return wrong_type("a map of strings", value, path);
  const auto& map = value.get_object();
  if (map.size() > schema.max_items) {
    add(path, fmt::format("{} entries; at most {} are taken", map.size(), schema.max_items));
    return;
  }
  std::size_t bytes = 0;
  for (const auto& member : map) {
    const std::string_view key(member.key().data(), member.key().size());
    const std::string item_path = join_path(path, key);
    if (!matches_format(Format::kLabelKey, key)) {
      add(item_path, fmt::format("the key '{}' is not {}", shown(key), format_expectation(Format::kLabelKey)));
    }
    check_string(schema, member.value(), item_path);
    bytes += key.size() + text_of(member.value()).size();
  }
  if (bytes > limits::kAnnotationBytes)
    add(path, fmt::format("{} bytes; at most {} are taken", bytes, limits::kAnnotationBytes));
}

void Validator::check_free_form(const json::value& value, const std::string& path) {
  if (const auto size = to_json(value).size(); size > limits::kFreeFormBytes) {
    add(path, fmt::format("{} bytes as JSON; at most {} are taken", size, limits::kFreeFormBytes));
  }
}

void Validator::check_leaf(const Schema& schema, const json::value& value, const std::string& path) {
  switch (schema.type) {
    case FieldType::kString: return check_string(schema, value, path);
    case FieldType::kEnum: return check_enum(schema, value, path);
    case FieldType::kBool:
      if (!value.is_bool()) wrong_type(expected_of(schema.type), value, path);
      return;
    default: return check_number(schema, value, path);
  }
}

void Validator::check_string(const Schema& schema, const json::value& value, const std::string& path) {
  if (!value.is_string()) {
    const bool scalar = value.is_number() || value.is_bool();
    return wrong_type(scalar ? "a string (put it in quotes)" : "a string", value, path);
  }
  const auto text = text_of(value);
  if (text.size() > schema.max_length) {
    add(path, fmt::format("{} bytes; at most {} are taken", text.size(), schema.max_length));
  } else if (text.size() < schema.min_length) {
    add(path, text.empty() ? "must not be empty"
                           : fmt::format("{} bytes; at least {} needed", text.size(), schema.min_length));
  } else if (!is_valid_utf8(text)) {
    add(path, "not valid UTF-8");
  } else if (!text.empty() && !matches_format(schema.format, text)) {
    add(path, fmt::format("expected {}, found '{}'", format_expectation(schema.format), shown(text)));
  }
}

void Validator::check_enum(const Schema& schema, const json::value& value, const std::string& path) {
  if (!value.is_string()) return wrong_type(fmt::format("one of {}", fmt::join(schema.words, ", ")), value, path);
  const auto text = text_of(value);
  if (std::ranges::find(schema.words, text) != schema.words.end()) return;
  add(path, fmt::format("expected one of {}, found '{}'", fmt::join(schema.words, ", "), shown(text)),
      std::string(remit::nearest(text, schema.words)));
}

void Validator::check_number(const Schema& schema, const json::value& value, const std::string& path) {
  const auto number = number_of(schema.type, value);
  if (!number) {
    add(path, number.error().message());
  } else if (schema.min && *number < *schema.min) {
    add(path, fmt::format("{} is too small; at least {} needed", format_bound(schema.type, *number),
                          format_bound(schema.type, *schema.min)));
  } else if (schema.max && *number > *schema.max) {
    add(path, fmt::format("{} is too large; at most {} is taken", format_bound(schema.type, *number),
                          format_bound(schema.type, *schema.max)));
  }
}

}  // namespace remit::resource

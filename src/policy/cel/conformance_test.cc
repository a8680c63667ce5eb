// The public conformance tests of cel-spec against this engine. They are not part of this repository:
// test/cel_oracle/run.sh fetches and converts them, and names the file in REMIT_CEL_CONFORMANCE. Without it the test is
// skipped.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <iostream>
#include <set>

#include "base/file.h"
#include "policy/cel/eval.h"
#include "policy/cel/program.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {
namespace {

// Files that test protocol buffers and little else.
const std::set<std::string, std::less<>> kProtoFiles = {"dynamic",    "enums",  "proto2",
                                                        "proto2_ext", "proto3", "wrappers"};

std::string decode_base64(std::string_view text) {
  auto options = ResolveOptions();
  options.variables = {{"x", {}}};
  const auto program = compile_program("base64.decode(x)", options);
  Meter meter;
  const Value input = Value::string(std::string(text));
  return std::string(evaluate(*(*program)->root, {&input, 1}, 0, meter).text());
}

std::int64_t int_of(const json::value& value) {
  return value.is_string() ? std::strtoll(value.get_string().c_str(), nullptr, 10) : value.to_number<std::int64_t>();
}
std::uint64_t uint_of(const json::value& value) {
  return value.is_string() ? std::strtoull(value.get_string().c_str(), nullptr, 10) : value.to_number<std::uint64_t>();
}
double double_of(const json::value& value) {
  if (!value.is_string()) return value.to_number<double>();
  const std::string_view text(value.get_string().data(), value.get_string().size());
  return text == "NaN" ? NAN : text == "Infinity" ? INFINITY : -INFINITY;
}
std::string_view text_of(const json::value& value) { return {value.get_string().data(), value.get_string().size()}; }

std::optional<Value> read_value(const json::object& object);

std::optional<Value> read_list(const json::object& object) {
  std::vector<Value> items;
  if (const auto* values = find_array(object, "values")) {
    for (const auto& item : *values) {
      auto value = read_value(item.as_object());
      if (!value) return std::nullopt;
      items.push_back(std::move(*value));
    }
  }
  return Value::list(std::move(items));
}

std::optional<Value> read_map(const json::object& object) {
  auto out = std::make_shared<Map>();
  if (const auto* entries = find_array(object, "entries")) {
    for (const auto& entry : *entries) {
      auto key = read_value(entry.as_object().at("key").as_object());
      auto value = read_value(entry.as_object().at("value").as_object());
      if (!key || !value) return std::nullopt;
      out->insert(std::move(*key), std::move(*value));
    }
  }
  return Value::map(std::move(out));
}

std::optional<Value> read_message(const json::object& object) {
  const auto type = get_string(object, "@type");
  if (type.ends_with("google.protobuf.Duration")) {
    const auto length = parse_duration(get_string(object, "value"));
    return length ? std::optional(Value::duration(*length)) : std::nullopt;
  }
  if (!type.ends_with("google.protobuf.Timestamp")) return std::nullopt;
  const auto time = parse_timestamp(get_string(object, "value"));
  return time ? std::optional(Value::timestamp(*time)) : std::nullopt;
}

// Empty for a message that only protocol buffers could hold.
std::optional<Value> read_value(const json::object& object) {
  if (object.empty()) return std::nullopt;
  const auto& [kind, value] = *object.begin();
  if (kind == "nullValue") return Value::null();
  if (kind == "boolValue") return Value::boolean(value.as_bool());
  if (kind == "int64Value") return Value::integer(int_of(value));
  if (kind == "uint64Value") return Value::unsigned_integer(uint_of(value));
  if (kind == "doubleValue") return Value::floating(double_of(value));
  if (kind == "stringValue") return Value::string(std::string(text_of(value)));
  if (kind == "bytesValue") return Value::bytes(decode_base64(text_of(value)));
  if (kind == "typeValue") return Value::type(text_of(value));
  if (kind == "listValue") return read_list(value.as_object());
  if (kind == "mapValue") return read_map(value.as_object());
  if (kind == "objectValue") return read_message(value.as_object());
  return std::nullopt;
}

// Same type and same value; NaN is NaN, a map's order does not count.
bool identical(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kDouble))
    return a.as_double() == b.as_double() || (std::isnan(a.as_double()) && std::isnan(b.as_double()));
  if (a.is(Kind::kList)) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (!identical(a.at(i), b.at(i))) return false;
    }
    return true;
  }
  if (a.is(Kind::kMap)) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const auto [key, value] = a.entry(i);
      const auto other = b.find(key);
      if (!other || !identical(value, *other)) return false;
    }
    return true;
  }
  Meter meter;
  return equal(a, b, meter);
}

struct Outcome {
  bool passed = false;
  bool needs_proto = false;
  bool type_unchecked = false;  // The value is right; the deduced type is not ours to tell.
  std::string trouble;
};

bool mentions_proto(const json::object& test) {
  if (get_string(test, "container").starts_with("google.protobuf")) return true;
  auto copy = test;
  copy.erase("description");
  const auto text = to_json(copy);
  for (const auto* word : {"TestAllTypes", "google.protobuf.", "conformance.", "enumValue", "NestedTestAllTypes"}) {
    if (text.find(word) == std::string::npos) continue;
    // Timestamps and durations are ours too.
    if (word != std::string_view("google.protobuf.")) return true;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
      const auto rest = std::string_view(text).substr(at + 16);
      if (!rest.starts_with("Timestamp") && !rest.starts_with("Duration")) return true;
    }
  }
  return false;
}

Outcome run(const json::object& test) {
  Outcome out;
  out.needs_proto = mentions_proto(test);
  ResolveOptions options;
  options.container = get_string(test, "container");
  options.lenient = true;
  std::map<std::string, Value, std::less<>> bound;
  if (const auto* bindings = find_object(test, "bindings")) {
    for (const auto& [name, binding] : *bindings) {
      const auto* object = find_object(binding.as_object(), "value");
      auto value = object ? read_value(*object) : std::nullopt;
      options.variables.push_back({std::string(name), {}});
      bound.emplace(std::string(name), value ? *value : Value::error("unsupported message"));
    }
  }
  if (const auto* declared = find_array(test, "typeEnv")) {
    for (const auto& item : *declared)
      options.variables.push_back({std::string(get_string(item.as_object(), "name")), {}});
  }
  const bool wants_error = test.contains("evalError");
  const auto program = compile_program(get_string(test, "expr"), options);
  if (!program) return out.passed = wants_error, out.trouble = program.error().message(), out;
  std::vector<Value> variables;
  for (const auto& name : (*program)->names.variables) {
    const auto found = bound.find(name);
    variables.push_back(found == bound.end() ? Value::error("unbound variable") : found->second);
  }
  Meter meter;
  const Value value = evaluate(*(*program)->root, variables, (*program)->names.slots, meter);
  const auto* typed = find_object(test, "typedResult");
  const auto* expected = typed ? find_object(*typed, "result") : find_object(test, "value");
  out.type_unchecked = typed != nullptr;
  const auto wanted = expected ? read_value(*expected) : typed ? std::nullopt : std::optional(Value::boolean(true));
  out.trouble = "got " + display(value, 200);
  if (wants_error) return out.passed = value.is_error(), out;
  out.passed = wanted && identical(*wanted, value);
  return out;
}

TEST(CelConformance, PublicTestsPass) {
  const char* path = std::getenv("REMIT_CEL_CONFORMANCE");
  if (!path) GTEST_SKIP() << "needs the public conformance tests: run test/cel_oracle/run.sh, which fetches them";
  const auto text = read_file(path, 64u << 20);
  ASSERT_TRUE(text) << text.error().to_string();
  const auto files = parse_json_object(*text);
  ASSERT_TRUE(files) << files.error().to_string();
  int passed_all = 0, total_all = 0, passed_plain_files = 0, total_plain_files = 0, passed_plain = 0, total_plain = 0;
  for (const auto& [file, tests] : *files) {
    int passed = 0, values_only = 0;
    const bool plain_file = !kProtoFiles.contains(std::string_view(file.data(), file.size()));
    for (const auto& item : tests.as_array()) {
      const auto& test = item.as_object();
      const auto outcome = run(test);
      const bool counts = outcome.passed && !outcome.type_unchecked;
      passed += counts, values_only += outcome.passed && outcome.type_unchecked;
      if (!outcome.needs_proto) total_plain += 1, passed_plain += counts;
      if (!outcome.passed && !outcome.needs_proto) {
        std::cout << "FAILS " << std::string(file) << "/" << get_string(test, "section") << "/"
                  << get_string(test, "name") << ": " << get_string(test, "expr") << "\n      " << outcome.trouble
                  << "\n";
      }
    }
    const int total = static_cast<int>(tests.as_array().size());
    std::cout << fmt::format(
        "{:18} {:4} of {:4}{}{}\n", std::string(file), passed, total, plain_file ? "" : "  (protocol buffers)",
        values_only ? fmt::format("  ({} more: value right, deduced type not checked)", values_only) : "");
    passed_all += passed, total_all += total;
    if (plain_file) passed_plain_files += passed, total_plain_files += total;
  }
  std::cout << fmt::format(
      "all files {} of {}; files without protocol buffers {} of {}; tests without protocol buffers {} of {}\n",
      passed_all, total_all, passed_plain_files, total_plain_files, passed_plain, total_plain);
  EXPECT_GE(passed_plain * 100, total_plain * 98);
}

}  // namespace
}  // namespace remit::policy::cel

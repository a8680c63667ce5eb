// A value of CEL. Small and copied freely: text is a view into the program, the bindings or shared storage; JSON lists
// and maps are read in place. Equality and order follow cel-spec: numbers of different types compare by their
// mathematical value, other types are unequal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"

namespace remit::policy::cel {

enum class Kind : std::uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kTimestamp,
  kDuration,
  kList,
  kMap,
  kType,
  kOptional,
};

class Value;
struct List;
struct Map;

// Seconds since 1970 and nanoseconds in [0, 1e9), from year 1 to 9999.
struct Timestamp {
  std::int64_t seconds = 0;
  std::int32_t nanos = 0;
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

class Value {
 public:
  Value() : kind_(Kind::kNull) { number_.i = 0; }

  static Value null() { return {}; }
  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value unsigned_integer(std::uint64_t value);
  static Value floating(double value);
  static Value string(std::string value);
  static Value string_view(std::string_view value);  // The bytes must outlive the value.
  static Value bytes(std::string value);
  static Value timestamp(Timestamp value);
  static Value duration(std::int64_t nanos);
  static Value list(std::vector<Value> items);
  static Value map(std::shared_ptr<const Map> entries);
  static Value type(std::string_view name);  // The name must outlive the value.
  static Value optional_of(Value value);
  static Value optional_none();
  static Value error(std::string message);
  static Value from_json(const json::value& value);  // Must outlive the value.
  static Value from_object(const json::object& object);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_error() const { return kind_ == Kind::kError; }
  bool is_number() const { return kind_ == Kind::kInt || kind_ == Kind::kUint || kind_ == Kind::kDouble; }
  bool is_true() const { return kind_ == Kind::kBool && number_.b; }

  bool as_bool() const { return number_.b; }
  std::int64_t as_int() const { return number_.i; }
  std::uint64_t as_uint() const { return number_.u; }
  double as_double() const { return number_.d; }
  std::string_view text() const { return text_; }  // String, bytes, name of a type, message of an error.
  Timestamp as_timestamp() const { return {number_.i, nanos_}; }
  std::int64_t as_duration() const { return number_.i; }
  const Value* optional_value() const;  // Null for none.

  // Lists and maps. `at` takes an index below size().
  std::size_t size() const;
  Value at(std::size_t index) const;
  std::optional<Value> find(const Value& key) const;
  std::pair<Value, Value> entry(std::size_t index) const;

  std::string_view type_name() const;
  bool is_zero() const;  // As optional.ofNonZeroValue means it.

 private:
  Kind kind_;
  std::int32_t nanos_ = 0;
  union {
    bool b;
    std::int64_t i;
    std::uint64_t u;
    double d;
    const json::array* array;
    const json::object* object;
  } number_;
  std::string_view text_;
  std::shared_ptr<const void> owner_;  // std::string, List, Map or Value; null when the value is a view.
};

struct List {
  std::vector<Value> items;
};

// Keeps the order of insertion. Keys are bool, int, uint and string; equal numbers are one key.
struct Map {
  // False when the key is there already.
  bool insert(Value key, Value value);
  const Value* find(const Value& key) const;

  std::vector<std::pair<Value, Value>> entries;
  std::unordered_multimap<std::size_t, std::uint32_t> index;
};

enum class Order : std::int8_t { kLess = -1, kEqual = 0, kGreater = 1, kUnordered = 2, kIncomparable = 3 };

// What each comparison of elements is charged to; false ends the walk (the limit was hit).
class Meter;

bool equal(const Value& a, const Value& b, Meter& meter);
Order compare(const Value& a, const Value& b);
Order compare_numbers(const Value& a, const Value& b);

// Plain JSON for people and callers; bytes as base64.
json::value to_json_value(const Value& value);
// Short text for explanations: strings quoted, at most max_bytes.
std::string display(const Value& value, std::size_t max_bytes);

inline constexpr std::string_view kTypeNames[] = {"error",
                                                  "null_type",
                                                  "bool",
                                                  "int",
                                                  "uint",
                                                  "double",
                                                  "string",
                                                  "bytes",
                                                  "google.protobuf.Timestamp",
                                                  "google.protobuf.Duration",
                                                  "list",
                                                  "map",
                                                  "type",
                                                  "optional_type"};

}  // namespace remit::policy::cel

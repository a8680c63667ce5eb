#include "policy/cel/value.h"

#include <cmath>
#include <functional>

#include "base/strings.h"
#include "policy/cel/meter.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {

Value Value::boolean(bool value) {
  Value out;
  out.kind_ = Kind::kBool, out.number_.b = value;
  return out;
}
Value Value::integer(std::int64_t value) {
  Value out;
  out.kind_ = Kind::kInt, out.number_.i = value;
  return out;
}
Value Value::unsigned_integer(std::uint64_t value) {
  Value out;
  out.kind_ = Kind::kUint, out.number_.u = value;
  return out;
}
Value Value::floating(double value) {
  Value out;
  out.kind_ = Kind::kDouble, out.number_.d = value;
  return out;
}
Value Value::string(std::string value) {
  Value out;
  auto owner = std::make_shared<const std::string>(std::move(value));
  out.kind_ = Kind::kString, out.text_ = *owner, out.owner_ = std::move(owner);
  return out;
}
Value Value::string_view(std::string_view value) {
  Value out;
  out.kind_ = Kind::kString, out.text_ = value;
  return out;
}
Value Value::bytes(std::string value) {
  Value out = string(std::move(value));
  out.kind_ = Kind::kBytes;
  return out;
}
Value Value::timestamp(Timestamp value) {
  Value out;
  out.kind_ = Kind::kTimestamp, out.number_.i = value.seconds, out.nanos_ = value.nanos;
  return out;
}
Value Value::duration(std::int64_t nanos) {
  Value out;
  out.kind_ = Kind::kDuration, out.number_.i = nanos;
  return out;
}
Value Value::list(std::vector<Value> items) {
  Value out;
  out.kind_ = Kind::kList, out.number_.array = nullptr;
  out.owner_ = std::make_shared<const List>(List{std::move(items)});
  return out;
}
Value Value::map(std::shared_ptr<const Map> entries) {
  Value out;
  out.kind_ = Kind::kMap, out.number_.object = nullptr, out.owner_ = std::move(entries);
  return out;
}
Value Value::type(std::string_view name) {
  Value out;
  out.kind_ = Kind::kType, out.text_ = name;
  return out;
}
Value Value::optional_of(Value value) {
  Value out;
  out.kind_ = Kind::kOptional, out.owner_ = std::make_shared<const Value>(std::move(value));
  return out;
}
Value Value::optional_none() {
  Value out;
  out.kind_ = Kind::kOptional;
  return out;
}
Value Value::error(std::string message) {
  Value out = string(std::move(message));
  out.kind_ = Kind::kError;
  return out;
}

Value Value::from_json(const json::value& value) {
  Value out;
  switch (value.kind()) {
    case json::kind::null: return out;
    case json::kind::bool_: return boolean(value.get_bool());
    case json::kind::int64: return integer(value.get_int64());
    case json::kind::uint64: return unsigned_integer(value.get_uint64());
    case json::kind::double_: return floating(value.get_double());
    case json::kind::string: return string_view({value.get_string().data(), value.get_string().size()});
    case json::kind::array: out.kind_ = Kind::kList, out.number_.array = &value.get_array(); return out;
    case json::kind::object: return from_object(value.get_object());
  }
  return out;
}

Value Value::from_object(const json::object& object) {
  Value out;
  out.kind_ = Kind::kMap, out.number_.object = &object;
  return out;
}

const Value* Value::optional_value() const { return static_cast<const Value*>(owner_.get()); }

std::size_t Value::size() const {
  if (kind_ == Kind::kList) {
    return owner_ ? static_cast<const List*>(owner_.get())->items.size() : number_.array->size();
  }
  return owner_ ? static_cast<const Map*>(owner_.get())->entries.size() : number_.object->size();
}

Value Value::at(std::size_t index) const {
  return owner_ ? static_cast<const List*>(owner_.get())->items[index] : from_json((*number_.array)[index]);
}

std::optional<Value> Value::find(const Value& key) const {
  if (owner_) {
    const Value* found = static_cast<const Map*>(owner_.get())->find(key);
    return found ? std::optional(*found) : std::nullopt;
  }
  if (!key.is(Kind::kString)) return std::nullopt;
  const json::value* found = number_.object->if_contains(jsv(key.text()));
  return found ? std::optional(from_json(*found)) : std::nullopt;
}

std::pair<Value, Value> Value::entry(std::size_t index) const {
  if (owner_) return static_cast<const Map*>(owner_.get())->entries[index];
  const auto& pair = *(number_.object->begin() + static_cast<std::ptrdiff_t>(index));
  return {string_view({pair.key().data(), pair.key().size()}), from_json(pair.value())};
}

std::string_view Value::type_name() const { return kTypeNames[static_cast<std::size_t>(kind_)]; }

bool Value::is_zero() const {
  switch (kind_) {
    case Kind::kNull: return true;
    case Kind::kBool: return !number_.b;
    case Kind::kInt:
    case Kind::kDuration: return number_.i == 0;
    case Kind::kUint: return number_.u == 0;
    case Kind::kDouble: return number_.d == 0;
    case Kind::kString:
    case Kind::kBytes: return text_.empty();
    case Kind::kTimestamp: return number_.i == 0 && nanos_ == 0;
    case Kind::kList:
    case Kind::kMap: return size() == 0;
    case Kind::kOptional: return !owner_;
    default: return false;
  }
}

// The value as an int64 when it is a whole number in that range, so that 1, 1u and 1.0 are one key.
static std::optional<std::int64_t> as_whole(const Value& value) {
  if (value.is(Kind::kInt)) return value.as_int();
  if (value.is(Kind::kUint)) {
    if (value.as_uint() > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return static_cast<std::int64_t>(value.as_uint());
  }
  const double number = value.as_double();
  if (!(number >= -0x1p63 && number < 0x1p63) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

static std::size_t key_hash(const Value& key) {
  if (key.is(Kind::kString)) return std::hash<std::string_view>()(key.text());
  if (key.is(Kind::kBool)) return key.as_bool() ? 1231 : 1237;
  if (!key.is_number()) return 0;
  const auto whole = as_whole(key);
  return whole ? std::hash<std::int64_t>()(*whole) : 0;
}

static bool same_key(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    // Exact, unlike ==: a key that is no whole number finds nothing.
    const auto left = as_whole(a), right = as_whole(b);
    if (left || right) return left == right;
    return a.is(Kind::kUint) && b.is(Kind::kUint) ? a.as_uint() == b.as_uint() : false;
  }
  if (a.kind() != b.kind()) return false;
  if (a.is(Kind::kBool)) return a.as_bool() == b.as_bool();
  return a.is(Kind::kString) && a.text() == b.text();
}

bool Map::insert(Value key, Value value) {
  if (find(key)) return false;
  index.emplace(key_hash(key), static_cast<std::uint32_t>(entries.size()));
  entries.emplace_back(std::move(key), std::move(value));
  return true;
}

const Value* Map::find(const Value& key) const {
  const auto [first, last] = index.equal_range(key_hash(key));
  for (auto it = first; it != last; ++it) {
    const auto& entry = entries[it->second];
    if (same_key(entry.first, key)) return &entry.second;
  }
  return nullptr;
}

static Order order_of(auto a, auto b) { return a < b ? Order::kLess : b < a ? Order::kGreater : Order::kEqual; }
static Order reversed(Order order) {
  return order == Order::kLess ? Order::kGreater : order == Order::kGreater ? Order::kLess : order;
}

// A double against an integer: outside of the integer's range by the range, inside by the integer as a double. That
// loses bits above 2^53, which is what cel-spec's conformance tests demand.
static Order compare_double_int(double a, double b, double low, double high) {
  if (std::isnan(a)) return Order::kUnordered;
  if (a < low) return Order::kLess;
  if (a > high) return Order::kGreater;
  return order_of(a, b);
}

Order compare_numbers(const Value& a, const Value& b) {
  if (a.is(Kind::kDouble) && b.is(Kind::kDouble)) {
    if (std::isnan(a.as_double()) || std::isnan(b.as_double())) return Order::kUnordered;
    return order_of(a.as_double(), b.as_double());
  }
  if (a.is(Kind::kDouble)) {
    return b.is(Kind::kInt) ? compare_double_int(a.as_double(), static_cast<double>(b.as_int()), -0x1p63, 0x1p63)
                            : compare_double_int(a.as_double(), static_cast<double>(b.as_uint()), 0.0, 0x1p64);
  }
  if (b.is(Kind::kDouble)) return reversed(compare_numbers(b, a));
  if (a.is(Kind::kInt)) {
    if (b.is(Kind::kInt)) return order_of(a.as_int(), b.as_int());
    return a.as_int() < 0 ? Order::kLess : order_of(static_cast<std::uint64_t>(a.as_int()), b.as_uint());
  }
  return b.is(Kind::kUint) ? order_of(a.as_uint(), b.as_uint()) : reversed(compare_numbers(b, a));
}

Order compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b);
  if (a.kind() != b.kind()) return Order::kIncomparable;
  switch (a.kind()) {
    case Kind::kBool: return order_of(a.as_bool(), b.as_bool());
    case Kind::kString:
    case Kind::kBytes: return order_of(a.text(), b.text());
    case Kind::kTimestamp: return order_of(a.as_timestamp(), b.as_timestamp());
    case Kind::kDuration: return order_of(a.as_duration(), b.as_duration());
    default: return Order::kIncomparable;
  }
}

static bool equal_lists(const Value& a, const Value& b, Meter& meter) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!equal(a.at(i), b.at(i), meter)) return false;
  }
  return true;
}

static bool equal_maps(const Value& a, const Value& b, Meter& meter) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto [key, value] = a.entry(i);
    const auto other = b.find(key);
    if (!other || !equal(value, *other, meter)) return false;
  }
  return true;
}

bool equal(const Value& a, const Value& b, Meter& meter) {
  if (!meter.step()) return false;
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == Order::kEqual;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNull: return true;
    case Kind::kType: return a.text() == b.text();
    case Kind::kString:
    case Kind::kBytes: return meter.step(a.text().size() / 64) && a.text() == b.text();
    case Kind::kList: return equal_lists(a, b, meter);
    case Kind::kMap: return equal_maps(a, b, meter);
    case Kind::kOptional: {
      const Value *left = a.optional_value(), *right = b.optional_value();
      return left && right ? equal(*left, *right, meter) : left == right;
    }
    default: return compare(a, b) == Order::kEqual;
  }
}

static json::object map_to_json(const Value& value) {
  json::object out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto [key, item] = value.entry(i);
    const auto name = key.is(Kind::kString) ? std::string(key.text()) : display(key, 64);
    out[name] = to_json_value(item);
  }
  return out;
}

json::value to_json_value(const Value& value) {
  switch (value.kind()) {
    case Kind::kBool: return value.as_bool();
    case Kind::kInt: return value.as_int();
    case Kind::kUint: return value.as_uint();
    case Kind::kDouble: return value.as_double();
    case Kind::kString:
    case Kind::kType: return json::string(jsv(value.text()));
    case Kind::kBytes: return json::string(jsv(base64(value.text())));
    case Kind::kTimestamp: return json::string(jsv(format_timestamp(value.as_timestamp())));
    case Kind::kDuration: return json::string(jsv(format_duration(value.as_duration())));
    case Kind::kList: {
      json::array out;
      for (std::size_t i = 0; i < value.size(); ++i) out.push_back(to_json_value(value.at(i)));
      return out;
    }
    case Kind::kMap: return map_to_json(value);
    case Kind::kOptional: return value.optional_value() ? to_json_value(*value.optional_value()) : json::value();
    default: return nullptr;
  }
}

// Appends until `out` is long enough; nothing large is copied to be cut off again.
static void append_display(std::string& out, const Value& value, std::size_t max_bytes) {
  if (out.size() > max_bytes) return;
  if (value.is(Kind::kString)) {
    const auto head = value.text().substr(0, max_bytes + 4);
    out += to_json(json::value(json::string(jsv(printable(head, max_bytes)))));
  } else if (value.is(Kind::kBytes)) {
    out += fmt::format("{} bytes", value.text().size());
  } else if (value.is(Kind::kOptional)) {
    out += value.optional_value() ? "optional " : "none";
    if (value.optional_value()) append_display(out, *value.optional_value(), max_bytes);
  } else if (value.is(Kind::kList) || value.is(Kind::kMap)) {
    const bool is_map = value.is(Kind::kMap);
    out += is_map ? "{" : "[";
    for (std::size_t i = 0; i < value.size() && out.size() <= max_bytes; ++i) {
      if (i > 0) out += ",";
      const auto [key, item] = is_map ? value.entry(i) : std::pair(Value(), value.at(i));
      if (is_map) append_display(out, key, max_bytes), out += ":";
      append_display(out, item, max_bytes);
    }
    out += is_map ? "}" : "]";
  } else {
    out += to_json(to_json_value(value));
  }
}

std::string display(const Value& value, std::size_t max_bytes) {
  if (value.is(Kind::kError)) return "error: " + printable(value.text(), max_bytes);
  std::string out;
  append_display(out, value, max_bytes);
  return printable(out, max_bytes);
}

}  // namespace remit::policy::cel

// + - * / % on numbers, texts, lists and times. Overflow is an error, as cel-spec says; doubles follow IEEE 754.
#include <cmath>

#include "policy/cel/functions.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {

static Value overflow() { return Value::error("return error for overflow"); }

template <typename Int>
static std::optional<Int> checked(Op op, Int a, Int b) {
  Int out = 0;
  bool bad = false;
  if (op == Op::kAdd) bad = __builtin_add_overflow(a, b, &out);
  if (op == Op::kSubtract) bad = __builtin_sub_overflow(a, b, &out);
  if (op == Op::kMultiply) bad = __builtin_mul_overflow(a, b, &out);
  return bad ? std::nullopt : std::optional(out);
}

template <typename Int>
static Value divide(Op op, Int a, Int b, Value (*make)(Int)) {
  if (b == 0) return Value::error(op == Op::kDivide ? "divide by zero" : "modulus by zero");
  if constexpr (std::is_signed_v<Int>) {
    if (a == INT64_MIN && b == -1) return overflow();
  }
  return make(op == Op::kDivide ? a / b : a % b);
}

template <typename Int>
static Value on_integers(Op op, Int a, Int b, Value (*make)(Int)) {
  if (op == Op::kDivide || op == Op::kModulo) return divide(op, a, b, make);
  const auto out = checked(op, a, b);
  return out ? make(*out) : overflow();
}

static std::optional<Value> on_doubles(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd: return Value::floating(a + b);
    case Op::kSubtract: return Value::floating(a - b);
    case Op::kMultiply: return Value::floating(a * b);
    case Op::kDivide: {
      // Division by zero is defined for IEEE 754; written out for the sanitizers.
      if (b != 0) return Value::floating(a / b);
      if (a == 0 || std::isnan(a)) return Value::floating(NAN);
      return Value::floating(std::signbit(a) == std::signbit(b) ? INFINITY : -INFINITY);
    }
    default: return std::nullopt;
  }
}

static Value concatenate(const Value& a, const Value& b, Meter& meter) {
  if (a.is(Kind::kList)) {
    const std::size_t size = a.size() + b.size();
    if (!meter.make(size * sizeof(Value))) return Value::error("a limit of the evaluation was hit");
    std::vector<Value> items;
    items.reserve(size);
    for (std::size_t i = 0; i < a.size(); ++i) items.push_back(a.at(i));
    for (std::size_t i = 0; i < b.size(); ++i) items.push_back(b.at(i));
    return Value::list(std::move(items));
  }
  if (!meter.make(a.text().size() + b.text().size())) return Value::error("a limit of the evaluation was hit");
  std::string text(a.text());
  text += b.text();
  return a.is(Kind::kString) ? Value::string(std::move(text)) : Value::bytes(std::move(text));
}

static std::optional<Value> on_times(Op op, const Value& a, const Value& b) {
  const auto time = [](std::optional<Timestamp> value) {
    return value ? Value::timestamp(*value) : Value::error("range: timestamp overflow");
  };
  const auto length = [](std::optional<std::int64_t> value) {
    return value ? Value::duration(*value) : Value::error("range: duration overflow");
  };
  if (op == Op::kAdd) {
    if (a.is(Kind::kTimestamp) && b.is(Kind::kDuration)) return time(add(a.as_timestamp(), b.as_duration()));
    if (a.is(Kind::kDuration) && b.is(Kind::kTimestamp)) return time(add(b.as_timestamp(), a.as_duration()));
  }
  if (a.is(Kind::kDuration) && b.is(Kind::kDuration) && (op == Op::kAdd || op == Op::kSubtract)) {
    return length(checked(op, a.as_duration(), b.as_duration()));
  }
  if (op != Op::kSubtract || !a.is(Kind::kTimestamp)) return std::nullopt;
  if (b.is(Kind::kTimestamp)) return length(difference(a.as_timestamp(), b.as_timestamp()));
  if (!b.is(Kind::kDuration)) return std::nullopt;
  if (b.as_duration() == INT64_MIN) return Value::error("range: timestamp overflow");
  return time(add(a.as_timestamp(), -b.as_duration()));
}

Value arithmetic(Op op, const Value& a, const Value& b, Meter& meter) {
  std::optional<Value> out;
  if (a.is(Kind::kInt) && b.is(Kind::kInt)) return on_integers(op, a.as_int(), b.as_int(), &Value::integer);
  if (a.is(Kind::kUint) && b.is(Kind::kUint))
    return on_integers(op, a.as_uint(), b.as_uint(), &Value::unsigned_integer);
  if (a.is(Kind::kDouble) && b.is(Kind::kDouble)) out = on_doubles(op, a.as_double(), b.as_double());
  const bool joinable = a.is(Kind::kString) || a.is(Kind::kBytes) || a.is(Kind::kList);
  if (op == Op::kAdd && joinable && a.kind() == b.kind()) return concatenate(a, b, meter);
  if (!out) out = on_times(op, a, b);
  if (out) return *out;
  static constexpr std::string_view kSigns[] = {"+", "-", "*", "/", "%"};
  const auto sign = kSigns[static_cast<std::size_t>(op) - static_cast<std::size_t>(Op::kAdd)];
  return Value::error(fmt::format("no such overload: {} {} {}", a.type_name(), sign, b.type_name()));
}

Value negate(const Value& value) {
  if (value.is(Kind::kDouble)) return Value::floating(-value.as_double());
  if (value.is(Kind::kDuration)) {
    return value.as_duration() == INT64_MIN ? Value::error("range: duration overflow")
                                            : Value::duration(-value.as_duration());
  }
  if (!value.is(Kind::kInt)) return Value::error(fmt::format("no such overload: -{}", value.type_name()));
  return value.as_int() == INT64_MIN ? overflow() : Value::integer(-value.as_int());
}

}  // namespace remit::policy::cel

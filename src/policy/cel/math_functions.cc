// The extensions math and encoders.
#include <cmath>

#include "base/strings.h"
#include "policy/cel/functions.h"

namespace remit::policy::cel {

using Arguments = std::span<const Value>;

static Value extreme(std::string_view name, Arguments a, Meter& meter, Order wanted) {
  // One list stands for its elements.
  std::vector<Value> items;
  if (a.size() == 1 && a[0].is(Kind::kList)) {
    for (std::size_t i = 0; i < a[0].size() && meter.step(); ++i) items.push_back(a[0].at(i));
    a = items;
  }
  if (a.empty()) return Value::error(fmt::format("{} of an empty list", name));
  const Value* best = nullptr;
  for (const auto& value : a) {
    if (!value.is_number()) return no_overload(name, a);
    const Order order = best ? compare_numbers(value, *best) : wanted;
    if (order == Order::kUnordered) return Value::error("NaN values cannot be ordered");
    if (order == wanted) best = &value;
  }
  return *best;
}
static Value greatest(Arguments a, Meter& m) { return extreme("math.greatest", a, m, Order::kGreater); }
static Value least(Arguments a, Meter& m) { return extreme("math.least", a, m, Order::kLess); }

template <double (*kFunction)(double)>
static Value on_double(Arguments a, Meter&) {
  return a[0].is(Kind::kDouble) ? Value::floating(kFunction(a[0].as_double())) : no_overload("math", a);
}
static double ceil_of(double x) { return std::ceil(x); }
static double floor_of(double x) { return std::floor(x); }
static double round_of(double x) { return std::round(x); }
static double trunc_of(double x) { return std::trunc(x); }

template <bool (*kTest)(double)>
static Value test_double(Arguments a, Meter&) {
  return a[0].is(Kind::kDouble) ? Value::boolean(kTest(a[0].as_double())) : no_overload("math", a);
}
static bool is_nan(double x) { return std::isnan(x); }
static bool is_inf(double x) { return std::isinf(x); }
static bool is_finite(double x) { return std::isfinite(x); }

static Value absolute(Arguments a, Meter&) {
  if (a[0].is(Kind::kUint)) return a[0];
  if (a[0].is(Kind::kDouble)) return Value::floating(std::fabs(a[0].as_double()));
  if (!a[0].is(Kind::kInt)) return no_overload("math.abs", a);
  return a[0].as_int() < 0 ? negate(a[0]) : a[0];
}

static Value sign(Arguments a, Meter&) {
  if (a[0].is(Kind::kUint)) return Value::unsigned_integer(a[0].as_uint() > 0 ? 1 : 0);
  if (a[0].is(Kind::kInt)) return Value::integer((a[0].as_int() > 0) - (a[0].as_int() < 0));
  if (!a[0].is(Kind::kDouble)) return no_overload("math.sign", a);
  const double x = a[0].as_double();
  return Value::floating(std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0)));
}

static Value square_root(Arguments a, Meter&) {
  if (a[0].is(Kind::kInt)) return Value::floating(std::sqrt(static_cast<double>(a[0].as_int())));
  if (a[0].is(Kind::kUint)) return Value::floating(std::sqrt(static_cast<double>(a[0].as_uint())));
  return a[0].is(Kind::kDouble) ? Value::floating(std::sqrt(a[0].as_double())) : no_overload("math.sqrt", a);
}

template <typename Operation>
static Value bits(std::string_view name, Arguments a, Operation operation) {
  if (a[0].is(Kind::kInt) && a[1].is(Kind::kInt)) {
    return Value::integer(static_cast<std::int64_t>(operation(a[0].as_uint(), a[1].as_uint())));
  }
  if (a[0].is(Kind::kUint) && a[1].is(Kind::kUint))
    return Value::unsigned_integer(operation(a[0].as_uint(), a[1].as_uint()));
  return no_overload(name, a);
}
static Value bit_and(Arguments a, Meter&) {
  return bits("math.bitAnd", a, [](auto x, auto y) { return x & y; });
}
static Value bit_or(Arguments a, Meter&) {
  return bits("math.bitOr", a, [](auto x, auto y) { return x | y; });
}
static Value bit_xor(Arguments a, Meter&) {
  return bits("math.bitXor", a, [](auto x, auto y) { return x ^ y; });
}
static Value bit_not(Arguments a, Meter&) {
  if (a[0].is(Kind::kInt)) return Value::integer(~a[0].as_int());
  return a[0].is(Kind::kUint) ? Value::unsigned_integer(~a[0].as_uint()) : no_overload("math.bitNot", a);
}

static Value shift(std::string_view name, Arguments a, bool left) {
  const bool whole = a[0].is(Kind::kInt) || a[0].is(Kind::kUint);
  if (!whole || !a[1].is(Kind::kInt)) return no_overload(name, a);
  if (a[1].as_int() < 0) return Value::error(fmt::format("{}: negative offset", name));
  const std::uint64_t bits = a[0].as_uint();
  const std::uint64_t shifted = a[1].as_int() > 63 ? 0 : left ? bits << a[1].as_int() : bits >> a[1].as_int();
  return a[0].is(Kind::kInt) ? Value::integer(static_cast<std::int64_t>(shifted)) : Value::unsigned_integer(shifted);
}
static Value shift_left(Arguments a, Meter&) { return shift("math.bitShiftLeft", a, true); }
static Value shift_right(Arguments a, Meter&) { return shift("math.bitShiftRight", a, false); }

static Value encode(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kBytes)) return no_overload("base64.encode", a);
  if (!meter.make(a[0].text().size() * 4 / 3 + 4)) return Value::error("a limit of the evaluation was hit");
  return Value::string(base64(a[0].text()));
}

static Value decode(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString)) return no_overload("base64.decode", a);
  if (!meter.make(a[0].text().size())) return Value::error("a limit of the evaluation was hit");
  std::string_view text = a[0].text();
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (padding > 0 && text.size() % 4 != 0) return Value::error("illegal base64 data");
  text.remove_suffix(padding);
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  std::size_t count = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return Value::error("illegal base64 data");
    bits = bits << 6 | static_cast<std::uint32_t>(digit), count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return count == 6 ? Value::error("illegal base64 data") : Value::bytes(std::move(out));
}

static constexpr FunctionEntry kTable[] = {
    {"math.greatest", false, 1, SIZE_MAX, greatest},
    {"math.least", false, 1, SIZE_MAX, least},
    {"math.ceil", false, 1, 1, on_double<ceil_of>},
    {"math.floor", false, 1, 1, on_double<floor_of>},
    {"math.round", false, 1, 1, on_double<round_of>},
    {"math.trunc", false, 1, 1, on_double<trunc_of>},
    {"math.isNaN", false, 1, 1, test_double<is_nan>},
    {"math.isInf", false, 1, 1, test_double<is_inf>},
    {"math.isFinite", false, 1, 1, test_double<is_finite>},
    {"math.abs", false, 1, 1, absolute},
    {"math.sign", false, 1, 1, sign},
    {"math.sqrt", false, 1, 1, square_root},
    {"math.bitAnd", false, 2, 2, bit_and},
    {"math.bitOr", false, 2, 2, bit_or},
    {"math.bitXor", false, 2, 2, bit_xor},
    {"math.bitNot", false, 1, 1, bit_not},
    {"math.bitShiftLeft", false, 2, 2, shift_left},
    {"math.bitShiftRight", false, 2, 2, shift_right},
    {"base64.encode", false, 1, 1, encode},
    {"base64.decode", false, 1, 1, decode},
};

std::span<const FunctionEntry> math_functions() { return kTable; }

}  // namespace remit::policy::cel

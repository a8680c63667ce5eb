// size, type conversions, matches.
#include <re2/re2.h>

#include <charconv>
#include <cmath>

#include "base/strings.h"
#include "policy/cel/functions.h"
#include "policy/cel/regex.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {

using Arguments = std::span<const Value>;

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(
      std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

// The shortest digits of a finite double and the place of the point: 123.4 is "1234" and 3.
static std::pair<std::string, int> shortest_digits(double value) {
  std::array<char, 40> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::fabs(value), std::chars_format::scientific).ptr;
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const auto e = text.find('e');
  std::string digits(text.substr(0, 1));
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const auto* first = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, text.data() + text.size(), exponent);
  return {std::move(digits), exponent + 1};
}

static std::optional<std::string> format_special(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Inf" : "+Inf";
  return std::nullopt;
}

std::string format_double_fixed(double value) {
  if (auto special = format_special(value)) return *special;
  auto [digits, point] = shortest_digits(value);
  std::string out = std::signbit(value) ? "-" : "";
  const auto size = static_cast<int>(digits.size());
  if (point <= 0) return out + (value == 0 ? "0" : "0." + std::string(static_cast<std::size_t>(-point), '0') + digits);
  if (point >= size) return out + digits + std::string(static_cast<std::size_t>(point - size), '0');
  return out + digits.substr(0, static_cast<std::size_t>(point)) + "." + digits.substr(static_cast<std::size_t>(point));
}

std::string format_double(double value) {
  if (auto special = format_special(value)) return *special;
  const auto [digits, point] = shortest_digits(value);
  const int exponent = point - 1;
  if (value == 0 || (exponent >= -4 && exponent < 6)) return format_double_fixed(value);
  std::string out = std::signbit(value) ? "-" : "";
  out += digits[0];
  if (digits.size() > 1) out += "." + digits.substr(1);
  return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
}

static Value size(Arguments a, Meter& meter) {
  switch (a[0].kind()) {
    case Kind::kString:
      meter.step(a[0].text().size() / 64);
      return Value::integer(static_cast<std::int64_t>(count_characters(a[0].text())));
    case Kind::kBytes: return Value::integer(static_cast<std::int64_t>(a[0].text().size()));
    case Kind::kList:
    case Kind::kMap: return Value::integer(static_cast<std::int64_t>(a[0].size()));
    default: return no_overload("size", a);
  }
}

template <typename Int>
static std::optional<Int> parse_integer(std::string_view text) {
  // A sign may stand before the digits, also a plus, which from_chars does not take.
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  Int value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

static Value to_int(Arguments a, Meter&) {
  const Value& value = a[0];
  switch (value.kind()) {
    case Kind::kInt: return value;
    case Kind::kUint:
      if (value.as_uint() > static_cast<std::uint64_t>(INT64_MAX)) return Value::error("range error: int");
      return Value::integer(static_cast<std::int64_t>(value.as_uint()));
    case Kind::kDouble:
      // The ends are left out: near 2^63 a double no longer tells which integer was meant.
      if (!(value.as_double() > -0x1p63 && value.as_double() < 0x1p63)) return Value::error("range error: int");
      return Value::integer(static_cast<std::int64_t>(value.as_double()));
    case Kind::kTimestamp: return Value::integer(value.as_timestamp().seconds);
    case Kind::kDuration: return Value::integer(value.as_duration());
    case Kind::kString: {
      const auto number = parse_integer<std::int64_t>(value.text());
      return number ? Value::integer(*number) : Value::error("cannot convert the text to int");
    }
    default: return no_overload("int", a);
  }
}

static Value to_uint(Arguments a, Meter&) {
  const Value& value = a[0];
  switch (value.kind()) {
    case Kind::kUint: return value;
    case Kind::kInt:
      if (value.as_int() < 0) return Value::error("range error: uint");
      return Value::unsigned_integer(static_cast<std::uint64_t>(value.as_int()));
    case Kind::kDouble:
      if (!(value.as_double() >= 0 && value.as_double() < 0x1p64)) return Value::error("range error: uint");
      return Value::unsigned_integer(static_cast<std::uint64_t>(value.as_double()));
    case Kind::kString: {
      const auto number = value.text().starts_with('+') ? std::nullopt : parse_integer<std::uint64_t>(value.text());
      return number ? Value::unsigned_integer(*number) : Value::error("cannot convert the text to uint");
    }
    default: return no_overload("uint", a);
  }
}

static std::optional<double> parse_double(std::string_view text) {
  const auto lower = to_lower(text);
  std::string_view rest = lower;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  double value = 0;
  if (rest == "inf" || rest == "infinity") {
    value = INFINITY;
  } else if (rest == "nan") {
    value = NAN;
  } else {
    if (rest.empty() || !((rest[0] >= '0' && rest[0] <= '9') || rest[0] == '.')) return std::nullopt;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
    if (code != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  }
  return negative ? -value : value;
}

static Value to_double(Arguments a, Meter&) {
  const Value& value = a[0];
  switch (value.kind()) {
    case Kind::kDouble: return value;
    case Kind::kInt: return Value::floating(static_cast<double>(value.as_int()));
    case Kind::kUint: return Value::floating(static_cast<double>(value.as_uint()));
    case Kind::kString: {
      const auto number = parse_double(value.text());
      return number ? Value::floating(*number) : Value::error("cannot convert the text to double");
    }
    default: return no_overload("double", a);
  }
}

static Value to_string_value(Arguments a, Meter& meter) {
  const Value& value = a[0];
  switch (value.kind()) {
    case Kind::kString: return value;
    case Kind::kBool: return Value::string_view(value.as_bool() ? "true" : "false");
    case Kind::kInt: return Value::string(fmt::format("{}", value.as_int()));
    case Kind::kUint: return Value::string(fmt::format("{}", value.as_uint()));
    case Kind::kDouble: return Value::string(format_double(value.as_double()));
    case Kind::kTimestamp: return Value::string(format_timestamp(value.as_timestamp()));
    case Kind::kDuration: return Value::string(format_duration(value.as_duration()));
    case Kind::kBytes:
      if (!meter.make(value.text().size())) return Value::error("a limit of the evaluation was hit");
      if (!is_valid_utf8(value.text())) return Value::error("invalid UTF-8: the bytes are no string");
      return Value::string(std::string(value.text()));
    default: return no_overload("string", a);
  }
}

static Value to_bytes(Arguments a, Meter& meter) {
  if (a[0].is(Kind::kBytes)) return a[0];
  if (!a[0].is(Kind::kString)) return no_overload("bytes", a);
  if (!meter.make(a[0].text().size())) return Value::error("a limit of the evaluation was hit");
  return Value::bytes(std::string(a[0].text()));
}

static Value to_bool(Arguments a, Meter&) {
  if (a[0].is(Kind::kBool)) return a[0];
  if (!a[0].is(Kind::kString)) return no_overload("bool", a);
  for (const auto text : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (a[0].text() == text) return Value::boolean(true);
  }
  for (const auto text : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (a[0].text() == text) return Value::boolean(false);
  }
  return Value::error("Type conversion error: cannot convert the text to bool");
}

static Value type_of(Arguments a, Meter&) { return Value::type(a[0].type_name()); }
static Value same(Arguments a, Meter&) { return a[0]; }

static Value matches(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString) || !a[1].is(Kind::kString)) return no_overload("matches", a);
  if (!meter.step(500 + a[0].text().size() / 64)) return Value::error("a limit of the evaluation was hit");
  const auto regex = compile_regex(a[1].text());
  if (!regex) return Value::error(regex.error().message());
  return Value::boolean(re2::RE2::PartialMatch(re2::StringPiece(a[0].text().data(), a[0].text().size()), **regex));
}

static constexpr FunctionEntry kTable[] = {
    {"size", false, 1, 1, size},      {"size", true, 1, 1, size},         {"int", false, 1, 1, to_int},
    {"uint", false, 1, 1, to_uint},   {"double", false, 1, 1, to_double}, {"string", false, 1, 1, to_string_value},
    {"bytes", false, 1, 1, to_bytes}, {"bool", false, 1, 1, to_bool},     {"type", false, 1, 1, type_of},
    {"dyn", false, 1, 1, same},       {"matches", false, 2, 2, matches},  {"matches", true, 2, 2, matches},
};

std::span<const FunctionEntry> standard_functions() { return kTable; }

}  // namespace remit::policy::cel

// strings.format: %s %d %f %e %b %o %x %X, precision for %f and %e.
#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "policy/cel/functions.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {
namespace {

inline constexpr int kPrecision = 64;  // The largest that %.Nf may ask for.

std::optional<std::string> text_of(const Value& value, Meter& meter);

std::string special_or(double value, std::string (*otherwise)(double)) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return otherwise(value);
}

std::optional<std::string> list_text(const Value& value, Meter& meter) {
  std::string out = "[";
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto item = text_of(value.at(i), meter);
    if (!item || !meter.make(item->size())) return std::nullopt;
    if (i > 0) out += ", ";
    out += *item;
  }
  return out + "]";
}

// Entries stand in the order of their keys' text.
std::optional<std::string> map_text(const Value& value, Meter& meter) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const auto [key, item] = value.entry(i);
    auto name = text_of(key, meter), text = text_of(item, meter);
    if (!name || !text || !meter.make(name->size() + text->size())) return std::nullopt;
    entries.emplace_back(std::move(*name), std::move(*text));
  }
  std::ranges::sort(entries);
  std::string out = "{";
  for (const auto& [name, text] : entries) {
    if (out.size() > 1) out += ", ";
    out += name + ": " + text;
  }
  return out + "}";
}

std::optional<std::string> text_of(const Value& value, Meter& meter) {
  if (!meter.step()) return std::nullopt;
  switch (value.kind()) {
    case Kind::kNull: return "null";
    case Kind::kBool: return value.as_bool() ? "true" : "false";
    case Kind::kInt: return fmt::format("{}", value.as_int());
    case Kind::kUint: return fmt::format("{}", value.as_uint());
    case Kind::kDouble: return special_or(value.as_double(), format_double_fixed);
    case Kind::kString:
    case Kind::kType: return std::string(value.text());
    case Kind::kBytes: return is_valid_utf8(value.text()) ? std::optional(std::string(value.text())) : std::nullopt;
    case Kind::kTimestamp: return format_timestamp(value.as_timestamp());
    case Kind::kDuration: return format_duration(value.as_duration());
    case Kind::kList: return list_text(value, meter);
    case Kind::kMap: return map_text(value, meter);
    default: return std::nullopt;
  }
}

std::optional<std::string> decimal(const Value& value) {
  if (value.is(Kind::kInt)) return fmt::format("{}", value.as_int());
  if (value.is(Kind::kUint)) return fmt::format("{}", value.as_uint());
  if (value.is(Kind::kDouble)) return special_or(value.as_double(), format_double_fixed);
  return std::nullopt;
}

std::optional<std::string> real(const Value& value, char clause, int precision) {
  double number = 0;
  if (value.is(Kind::kDouble)) {
    number = value.as_double();
  } else if (value.is(Kind::kInt)) {
    number = static_cast<double>(value.as_int());
  } else if (value.is(Kind::kUint)) {
    number = static_cast<double>(value.as_uint());
  } else {
    return std::nullopt;
  }
  if (!std::isfinite(number)) return special_or(number, nullptr);
  return clause == 'f' ? fmt::format("{:.{}f}", number, precision) : fmt::format("{:.{}e}", number, precision);
}

// A signed number as sign and magnitude in the base of the clause.
std::optional<std::string> in_base(const Value& value, char clause) {
  if (clause == 'b' && value.is(Kind::kBool)) return value.as_bool() ? "1" : "0";
  const bool hex = clause == 'x' || clause == 'X';
  if (hex && (value.is(Kind::kString) || value.is(Kind::kBytes))) {
    std::string out;
    for (const char c : value.text()) {
      out += clause == 'x' ? fmt::format("{:02x}", static_cast<unsigned char>(c))
                           : fmt::format("{:02X}", static_cast<unsigned char>(c));
    }
    return out;
  }
  if (!value.is(Kind::kInt) && !value.is(Kind::kUint)) return std::nullopt;
  const bool negative = value.is(Kind::kInt) && value.as_int() < 0;
  const std::uint64_t magnitude = negative ? 0 - value.as_uint() : value.as_uint();
  const std::string sign = negative ? "-" : "";
  switch (clause) {
    case 'b': return sign + fmt::format("{:b}", magnitude);
    case 'o': return sign + fmt::format("{:o}", magnitude);
    case 'x': return sign + fmt::format("{:x}", magnitude);
    default: return sign + fmt::format("{:X}", magnitude);
  }
}

std::optional<std::string> apply(char clause, int precision, const Value& value, Meter& meter) {
  switch (clause) {
    case 's': return text_of(value, meter);
    case 'd': return decimal(value);
    case 'f':
    case 'e': return real(value, clause, precision);
    default: return in_base(value, clause);
  }
}

// ".3" before the clause; 6 without one, empty when it is malformed.
std::optional<int> read_precision(std::string_view format, std::size_t& at) {
  if (at >= format.size() || format[at] != '.') return 6;
  int precision = 0;
  for (++at; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at) {
    precision = precision * 10 + (format[at] - '0');
    if (precision > kPrecision) return std::nullopt;
  }
  return precision;
}

}  // namespace

Value format_text(std::string_view format, const Value& arguments, Meter& meter) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      out += format[at];
      continue;
    }
    if (++at < format.size() && format[at] == '%') {
      out += '%';
      continue;
    }
    const auto precision = read_precision(format, at);
    if (!precision || at >= format.size() || std::string_view("sdfeboxX").find(format[at]) == std::string_view::npos) {
      return Value::error("could not parse formatting clause");
    }
    if (next >= arguments.size()) return Value::error(fmt::format("index {} out of range", next));
    const Value value = arguments.at(next++);
    const auto text = apply(format[at], *precision, value, meter);
    if (!text)
      return Value::error(
          fmt::format("error during formatting: %{} cannot show a value of type {}", format[at], value.type_name()));
    if (!meter.make(text->size())) return Value::error("a limit of the evaluation was hit");
    out += *text;
  }
  return meter.make(out.size()) ? Value::string(std::move(out)) : Value::error("a limit of the evaluation was hit");
}

}  // namespace remit::policy::cel

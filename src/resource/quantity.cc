#include "resource/quantity.h"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/strings.h"

namespace remit::resource {

namespace {

using Wide = __int128;

constexpr std::int64_t kNanosPerMs = 1'000'000;
constexpr int kDurationDigits = 5;
constexpr int kDurationParts = 4;
constexpr std::size_t kQuantityBytes = 40;

struct DurationUnit {
  std::string_view name;
  std::int64_t ms;
};
// "ms" before "m", so that the longer name is tried first.
constexpr std::array<DurationUnit, 4> kDurationUnits = {{{"ms", 1}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::unexpected<Error> bad_duration(std::string_view text) {
  return fail(
      invalid_argument(fmt::format("'{}' is not a duration; write one to four numbers of at most five digits, each "
                                   "with h, m, s or ms, such as \"1h30m\"",
                                   printable(text, 60))));
}

std::unexpected<Error> bad_quantity(std::string_view text) {
  return fail(invalid_argument(
      fmt::format("'{}' is not a quantity; write a number with a suffix such as \"512Mi\", \"2G\", \"1.5\" or \"250m\"",
                  printable(text, 60))));
}

// Powers of ten that stand for a suffix; 0 for "not one of these".
std::optional<int> decimal_exponent(std::string_view suffix) {
  static constexpr std::array<std::pair<std::string_view, int>, 10> kSuffixes = {
      {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}}};
  for (const auto& [name, exponent] : kSuffixes) {
    if (name == suffix) return exponent;
  }
  if (suffix.size() < 2 || suffix.size() > 4 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  suffix.remove_prefix(1);
  const bool negative = suffix[0] == '-';
  if (negative || suffix[0] == '+') suffix.remove_prefix(1);
  if (suffix.empty() || suffix.size() > 2) return std::nullopt;
  int exponent = 0;
  for (const char c : suffix) {
    if (!is_digit(c)) return std::nullopt;
    exponent = exponent * 10 + (c - '0');
  }
  if (exponent > 18) return std::nullopt;
  return negative ? -exponent : exponent;
}

std::optional<int> binary_shift(std::string_view suffix) {
  static constexpr std::array<std::string_view, 6> kSuffixes = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  for (std::size_t i = 0; i < kSuffixes.size(); ++i) {
    if (kSuffixes[i] == suffix) return static_cast<int>(i + 1) * 10;
  }
  return std::nullopt;
}

// The value of `text` times 10^`scale`, rounded up.
Result<std::int64_t> parse_quantity(std::string_view text, int scale) {
  if (text.empty() || text.size() > kQuantityBytes) return bad_quantity(text);
  Wide mantissa = 0;
  int exponent = scale;
  std::size_t at = 0;
  int digits = 0;
  bool point = false;
  for (; at < text.size() && (is_digit(text[at]) || (text[at] == '.' && !point)); ++at) {
    if (text[at] == '.') {
      point = true;
      continue;
    }
    if (++digits > 24) return bad_quantity(text);
    mantissa = mantissa * 10 + (text[at] - '0');
    if (point) --exponent;
  }
  if (digits == 0) return bad_quantity(text);
  const auto suffix = text.substr(at);
  int shift = 0;
  if (const auto bits = binary_shift(suffix)) {
    shift = *bits;
  } else if (const auto power = decimal_exponent(suffix)) {
    exponent += *power;
  } else {
    return bad_quantity(text);
  }
  // Anything over this is out of range whatever follows; below it no step can overflow 127 bits.
  constexpr Wide kCap = Wide{1} << 64;
  while (exponent < 0 && shift > 0 && mantissa < (Wide{1} << 100)) mantissa <<= 1, --shift;
  for (; exponent < 0; ++exponent) mantissa = mantissa / 10 + (mantissa % 10 != 0 ? 1 : 0);
  for (; shift > 0 && mantissa < kCap; --shift) mantissa <<= 1;
  for (; exponent > 0 && mantissa < kCap; --exponent) mantissa *= 10;
  if (mantissa > std::numeric_limits<std::int64_t>::max()) {
    return fail(invalid_argument(fmt::format("'{}' is too large", printable(text, 60))));
  }
  return static_cast<std::int64_t>(mantissa);
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t total_ms = 0;
  std::string_view rest = text;
  int parts = 0;
  while (!rest.empty()) {
    if (++parts > kDurationParts) return bad_duration(text);
    std::size_t digits = 0;
    std::int64_t number = 0;
    for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
      if (digits == kDurationDigits) return bad_duration(text);
      number = number * 10 + (rest[digits] - '0');
    }
    if (digits == 0) return bad_duration(text);
    rest.remove_prefix(digits);
    const DurationUnit* unit = nullptr;
    for (const auto& candidate : kDurationUnits) {
      if (!unit && rest.starts_with(candidate.name)) unit = &candidate;
    }
    if (!unit) return bad_duration(text);
    rest.remove_prefix(unit->name.size());
    total_ms += number * unit->ms;
  }
  if (parts == 0) return bad_duration(text);
  return Duration(total_ms * kNanosPerMs);
}

std::string format_duration(Duration duration) {
  constexpr std::int64_t kMaxMs = 99999 * 3'600'000LL + 3'599'999;
  const std::int64_t nanos = std::max<std::int64_t>(0, duration.count());
  const std::int64_t ms = std::min(kMaxMs, nanos / kNanosPerMs + (nanos % kNanosPerMs != 0 ? 1 : 0));
  std::string out;
  const auto part = [&](std::int64_t count, std::string_view unit) {
    if (count > 0) out += fmt::format("{}{}", count, unit);
  };
  part(ms / 3'600'000, "h");
  part(ms / 60'000 % 60, "m");
  part(ms / 1000 % 60, "s");
  part(ms % 1000, "ms");
  return out.empty() ? "0s" : out;
}

Result<ByteSize> parse_bytes(std::string_view text) {
  REMIT_TRY(const auto bytes, parse_quantity(text, 0));
  return ByteSize{bytes};
}

Result<CpuAmount> parse_cpu(std::string_view text) {
  REMIT_TRY(const auto milli, parse_quantity(text, 3));
  return CpuAmount{milli};
}

std::string format_bytes(ByteSize size) {
  static constexpr std::array<std::string_view, 7> kSuffixes = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  std::int64_t number = size.bytes;
  std::size_t step = 0;
  while (number != 0 && number % 1024 == 0 && step + 1 < kSuffixes.size()) number /= 1024, ++step;
  return fmt::format("{}{}", number, kSuffixes[step]);
}

std::string format_cpu(CpuAmount amount) {
  return amount.milli % 1000 == 0 ? fmt::format("{}", amount.milli / 1000) : fmt::format("{}m", amount.milli);
}

}  // namespace remit::resource

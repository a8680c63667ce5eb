#include "policy/cel/time.h"

#include <charconv>
#include <chrono>

#include "base/file.h"

namespace remit::policy::cel {

static constexpr std::int64_t kMinSeconds = -62'135'596'800;  // 0001-01-01T00:00:00Z
static constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // 9999-12-31T23:59:59Z

bool in_range(Timestamp time) { return time.seconds >= kMinSeconds && time.seconds <= kMaxSeconds; }

CivilTime civil(std::int64_t seconds) {
  using namespace std::chrono;
  const auto day = floor<days>(sys_seconds(std::chrono::seconds(seconds)));
  const year_month_day date(day);
  const std::int64_t rest = seconds - day.time_since_epoch().count() * 86'400;
  CivilTime out;
  out.year = int(date.year());
  out.month = static_cast<int>(unsigned(date.month())), out.day = static_cast<int>(unsigned(date.day()));
  out.hour = static_cast<int>(rest / 3600), out.minute = static_cast<int>(rest / 60 % 60);
  out.second = static_cast<int>(rest % 60);
  out.day_of_week = static_cast<int>(weekday(day).c_encoding());
  out.day_of_year = static_cast<int>((day - sys_days(date.year() / January / 1)).count());
  return out;
}

// Reads exactly `count` digits at `at` and moves on.
static std::optional<int> digits(std::string_view text, std::size_t& at, std::size_t count) {
  if (text.size() < at + count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[at + i];
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  at += count;
  return value;
}

static bool take(std::string_view text, std::size_t& at, char c) {
  if (at >= text.size() || text[at] != c) return false;
  ++at;
  return true;
}

static std::optional<std::int32_t> parse_fraction(std::string_view text, std::size_t& at) {
  std::int32_t nanos = 0, scale = 100'000'000;
  const std::size_t start = at;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) nanos += scale * (text[at] - '0');
  if (at == start) return std::nullopt;
  return nanos;
}

static std::optional<std::int64_t> parse_offset(std::string_view text, std::size_t& at) {
  if (take(text, at, 'Z')) return 0;
  const int sign = take(text, at, '+') ? 1 : take(text, at, '-') ? -1 : 0;
  if (sign == 0) return std::nullopt;
  const auto hours = digits(text, at, 2);
  if (!hours || !take(text, at, ':')) return std::nullopt;
  const auto minutes = digits(text, at, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  std::size_t at = 0;
  const auto y = digits(text, at, 4);
  if (!y || !take(text, at, '-')) return std::nullopt;
  const auto mo = digits(text, at, 2);
  if (!mo || !take(text, at, '-')) return std::nullopt;
  const auto d = digits(text, at, 2);
  if (!d || !take(text, at, 'T')) return std::nullopt;
  const auto h = digits(text, at, 2);
  if (!h || !take(text, at, ':')) return std::nullopt;
  const auto mi = digits(text, at, 2);
  if (!mi || !take(text, at, ':')) return std::nullopt;
  const auto s = digits(text, at, 2);
  if (!s || *h > 23 || *mi > 59 || *s > 59) return std::nullopt;
  Timestamp out;
  if (take(text, at, '.')) {
    const auto nanos = parse_fraction(text, at);
    if (!nanos) return std::nullopt;
    out.nanos = *nanos;
  }
  const auto offset = parse_offset(text, at);
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)), day(static_cast<unsigned>(*d))};
  if (!offset || at != text.size() || !date.ok()) return std::nullopt;
  out.seconds = sys_days(date).time_since_epoch().count() * std::int64_t{86'400} + *h * 3600 + *mi * 60 + *s - *offset;
  if (!in_range(out)) return std::nullopt;
  return out;
}

static std::string fraction_text(std::int64_t nanos) {
  if (nanos == 0) return "";
  auto out = fmt::format(".{:09}", nanos);
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

std::string format_timestamp(Timestamp time) {
  const auto c = civil(time.seconds);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", c.year, c.month, c.day, c.hour, c.minute, c.second,
                     fraction_text(time.nanos));
}

static std::optional<std::int64_t> unit_nanos(std::string_view text, std::size_t& at) {
  static constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ns", 1},         {"us", 1000},           {"\xc2\xb5s", 1000},         {"\xce\xbcs", 1000},
      {"ms", 1'000'000}, {"s", kNanosPerSecond}, {"m", 60 * kNanosPerSecond}, {"h", 3600 * kNanosPerSecond}};
  for (const auto& [name, nanos] : kUnits) {
    if (text.substr(at).starts_with(name)) {
      at += name.size();
      return nanos;
    }
  }
  return std::nullopt;
}

// One "12.5ms" of a duration, added to `total` in 128 bits.
static bool parse_duration_part(std::string_view text, std::size_t& at, __int128& total) {
  __int128 whole = 0, fraction = 0, scale = 1;
  const std::size_t start = at;
  std::size_t count = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
    whole = whole * 10 + (text[at] - '0');
    if (whole > INT64_MAX) return false;
  }
  if (take(text, at, '.')) {
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
      if (scale < kNanosPerSecond * __int128{1'000'000}) fraction = fraction * 10 + (text[at] - '0'), scale *= 10;
    }
  }
  if (count == 0 || at == start) return false;
  const auto unit = unit_nanos(text, at);
  if (!unit) return false;
  total += whole * *unit + fraction * *unit / scale;
  return total <= __int128{INT64_MAX} + 1;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  std::size_t at = 0;
  const bool negative = take(text, at, '-');
  if (!negative) take(text, at, '+');
  if (text.substr(at) == "0") return 0;
  if (at == text.size()) return std::nullopt;
  __int128 total = 0;
  while (at < text.size()) {
    if (!parse_duration_part(text, at, total)) return std::nullopt;
  }
  if (negative) total = -total;
  if (total > INT64_MAX || total < INT64_MIN) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

std::string format_duration(std::int64_t nanos) {
  const bool negative = nanos < 0;
  const std::uint64_t magnitude = negative ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
  return fmt::format("{}{}{}s", negative ? "-" : "", magnitude / kNanosPerSecond,
                     fraction_text(static_cast<std::int64_t>(magnitude % kNanosPerSecond)));
}

std::optional<Timestamp> add(Timestamp time, std::int64_t nanos) {
  const __int128 total = __int128{time.seconds} * kNanosPerSecond + time.nanos + nanos;
  __int128 seconds = total / kNanosPerSecond, rest = total % kNanosPerSecond;
  if (rest < 0) rest += kNanosPerSecond, --seconds;
  const Timestamp out{static_cast<std::int64_t>(seconds), static_cast<std::int32_t>(rest)};
  return in_range(out) ? std::optional(out) : std::nullopt;
}

std::optional<std::int64_t> difference(Timestamp a, Timestamp b) {
  const __int128 total = (__int128{a.seconds} - b.seconds) * kNanosPerSecond + (a.nanos - b.nanos);
  if (total > INT64_MAX || total < INT64_MIN) return std::nullopt;
  return static_cast<std::int64_t>(total);
}

static std::int64_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  if (count == 4) return static_cast<std::int32_t>(value);
  return static_cast<std::int64_t>(value);
}

// One block of a TZif file: six counts, then transition times, their types, and the types' offsets.
struct TzBlock {
  std::int64_t leap = 0, times = 0, types = 0, chars = 0, isstd = 0, isut = 0;
  std::size_t start = 0, time_size = 4;
  std::size_t end() const {
    const auto size = static_cast<std::int64_t>(time_size);
    return start +
           static_cast<std::size_t>(times * size + times + types * 6 + chars + leap * (size + 4) + isstd + isut);
  }
};

static std::optional<TzBlock> read_block(std::string_view data, std::size_t at, std::size_t time_size) {
  if (data.size() < at + 44 || data.substr(at, 4) != "TZif") return std::nullopt;
  TzBlock block;
  block.isut = big_endian(data, at + 20, 4), block.isstd = big_endian(data, at + 24, 4);
  block.leap = big_endian(data, at + 28, 4), block.times = big_endian(data, at + 32, 4);
  block.types = big_endian(data, at + 36, 4), block.chars = big_endian(data, at + 40, 4);
  for (const auto count : {block.isut, block.isstd, block.leap, block.times, block.types, block.chars}) {
    if (count < 0 || count > 100'000) return std::nullopt;
  }
  block.start = at + 44, block.time_size = time_size;
  if (block.types == 0 || block.end() > data.size()) return std::nullopt;
  return block;
}

static std::optional<std::int64_t> offset_in_tzif(std::string_view data, std::int64_t seconds) {
  auto block = read_block(data, 0, 4);
  if (!block) return std::nullopt;
  if (data[4] >= '2') block = read_block(data, block->end(), 8);
  if (!block) return std::nullopt;
  const auto count = static_cast<std::size_t>(block->times);
  std::size_t low = 0, high = count;  // The first transition after `seconds`.
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (big_endian(data, block->start + middle * block->time_size, block->time_size) <= seconds) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  const std::size_t types = block->start + count * block->time_size;
  const std::size_t type = low == 0 ? 0 : static_cast<unsigned char>(data[types + low - 1]);
  if (type >= static_cast<std::size_t>(block->types)) return std::nullopt;
  return big_endian(data, types + count + type * 6, 4);
}

static std::optional<std::int64_t> named_offset(std::string_view zone, Timestamp time) {
  if (zone.empty() || zone.size() > 64 || zone[0] == '/') return std::nullopt;
  for (const char c : zone) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (!letter && c != '/' && c != '_' && c != '-' && c != '+') return std::nullopt;
  }
  const auto data = read_file("/usr/share/zoneinfo/" + std::string(zone), 256u << 10);
  return data ? offset_in_tzif(*data, time.seconds) : std::nullopt;
}

std::optional<std::int64_t> zone_offset(std::string_view zone, Timestamp time) {
  if (zone == "UTC" || zone == "Z" || zone.empty()) return 0;
  if (zone.find(':') == std::string_view::npos) return named_offset(zone, time);
  std::size_t at = 0;
  const std::string text = zone[0] == '+' || zone[0] == '-' ? std::string(zone) : "+" + std::string(zone);
  const auto offset = parse_offset(text, at);
  return at == text.size() ? offset : std::nullopt;
}

}  // namespace remit::policy::cel

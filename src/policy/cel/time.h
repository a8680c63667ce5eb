// Timestamps and durations of CEL: RFC 3339 text, durations as "1h30m", fields by time zone. Zones are offsets
// ("+02:00") or names of the system's tz database (TZif, RFC 8536); its rules end with the last listed transition (2037
// on Debian).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/cel/value.h"

namespace remit::policy::cel {

inline constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

std::optional<Timestamp> parse_timestamp(std::string_view text);
std::string format_timestamp(Timestamp time);
std::optional<std::int64_t> parse_duration(std::string_view text);
std::string format_duration(std::int64_t nanos);  // "5400s", "0.25s"

// Empty when the result leaves years 1 to 9999, or a duration 64 bits of nanoseconds.
std::optional<Timestamp> add(Timestamp time, std::int64_t nanos);
std::optional<std::int64_t> difference(Timestamp a, Timestamp b);
bool in_range(Timestamp time);

struct CivilTime {
  std::int64_t year = 1970;
  int month = 1, day = 1;  // From 1.
  int hour = 0, minute = 0, second = 0;
  int day_of_week = 0;  // Sunday is 0.
  int day_of_year = 0;  // From 0.
};
CivilTime civil(std::int64_t seconds);
// Seconds east of UTC at `time`; empty for an unknown zone.
std::optional<std::int64_t> zone_offset(std::string_view zone, Timestamp time);

}  // namespace remit::policy::cel

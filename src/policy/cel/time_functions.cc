// timestamp(), duration() and their fields.
#include "policy/cel/functions.h"
#include "policy/cel/time.h"

namespace remit::policy::cel {

using Arguments = std::span<const Value>;

static Value to_timestamp(Arguments a, Meter&) {
  if (a[0].is(Kind::kTimestamp)) return a[0];
  if (a[0].is(Kind::kInt)) {
    const Timestamp time{a[0].as_int(), 0};
    return in_range(time) ? Value::timestamp(time) : Value::error("range: timestamp outside of years 1 to 9999");
  }
  if (!a[0].is(Kind::kString)) return no_overload("timestamp", a);
  const auto time = parse_timestamp(a[0].text());
  return time ? Value::timestamp(*time) : Value::error("range: no RFC 3339 timestamp of years 1 to 9999");
}

static Value to_duration(Arguments a, Meter&) {
  if (a[0].is(Kind::kDuration)) return a[0];
  if (a[0].is(Kind::kInt)) return Value::duration(a[0].as_int());
  if (!a[0].is(Kind::kString)) return no_overload("duration", a);
  const auto length = parse_duration(a[0].text());
  return length ? Value::duration(*length)
                : Value::error("range: no duration such as '1h30m' within 64 bits of nanoseconds");
}

// The civil time of a timestamp in the zone of the second argument, UTC without one.
template <typename Pick>
static Value field(std::string_view name, Arguments a, Meter& meter, Pick pick) {
  if (!a[0].is(Kind::kTimestamp) || (a.size() == 2 && !a[1].is(Kind::kString))) return no_overload(name, a);
  const Timestamp time = a[0].as_timestamp();
  if (a.size() == 1) return Value::integer(pick(civil(time.seconds)));
  meter.step(1000);  // A zone may be read from disk.
  const auto offset = zone_offset(a[1].text(), time);
  if (!offset) return Value::error("unknown time zone " + display(a[1], 64));
  return Value::integer(pick(civil(time.seconds + *offset)));
}

static Value year(Arguments a, Meter& m) {
  return field("getFullYear", a, m, [](const CivilTime& c) { return c.year; });
}
static Value month(Arguments a, Meter& m) {
  return field("getMonth", a, m, [](const CivilTime& c) { return c.month - 1; });
}
static Value date(Arguments a, Meter& m) {
  return field("getDate", a, m, [](const CivilTime& c) { return c.day; });
}
static Value day(Arguments a, Meter& m) {
  return field("getDayOfMonth", a, m, [](const CivilTime& c) { return c.day - 1; });
}
static Value week_day(Arguments a, Meter& m) {
  return field("getDayOfWeek", a, m, [](const CivilTime& c) { return c.day_of_week; });
}
static Value year_day(Arguments a, Meter& m) {
  return field("getDayOfYear", a, m, [](const CivilTime& c) { return c.day_of_year; });
}

static bool is_plain_duration(Arguments a) { return a[0].is(Kind::kDuration) && a.size() == 1; }

static Value hours(Arguments a, Meter& m) {
  if (is_plain_duration(a)) return Value::integer(a[0].as_duration() / (3600 * kNanosPerSecond));
  return field("getHours", a, m, [](const CivilTime& c) { return c.hour; });
}
static Value minutes(Arguments a, Meter& m) {
  if (is_plain_duration(a)) return Value::integer(a[0].as_duration() / (60 * kNanosPerSecond));
  return field("getMinutes", a, m, [](const CivilTime& c) { return c.minute; });
}
static Value seconds(Arguments a, Meter& m) {
  if (is_plain_duration(a)) return Value::integer(a[0].as_duration() / kNanosPerSecond);
  return field("getSeconds", a, m, [](const CivilTime& c) { return c.second; });
}
static Value milliseconds(Arguments a, Meter& m) {
  if (is_plain_duration(a)) return Value::integer(a[0].as_duration() / 1'000'000 % 1000);
  const std::int64_t millis = a[0].is(Kind::kTimestamp) ? a[0].as_timestamp().nanos / 1'000'000 : 0;
  return field("getMilliseconds", a, m, [millis](const CivilTime&) { return millis; });
}

static constexpr FunctionEntry kTable[] = {
    {"timestamp", false, 1, 1, to_timestamp},
    {"duration", false, 1, 1, to_duration},
    {"getFullYear", true, 1, 2, year},
    {"getMonth", true, 1, 2, month},
    {"getDate", true, 1, 2, date},
    {"getDayOfMonth", true, 1, 2, day},
    {"getDayOfWeek", true, 1, 2, week_day},
    {"getDayOfYear", true, 1, 2, year_day},
    {"getHours", true, 1, 2, hours},
    {"getMinutes", true, 1, 2, minutes},
    {"getSeconds", true, 1, 2, seconds},
    {"getMilliseconds", true, 1, 2, milliseconds},
};

std::span<const FunctionEntry> time_functions() { return kTable; }

}  // namespace remit::policy::cel

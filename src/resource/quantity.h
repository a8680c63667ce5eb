// Durations as GEP-2257 has them ("1h30m", "250ms") and quantities as Kubernetes has them ("512Mi", "1.5", "250m").
// Pure functions.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace remit::resource {

struct ByteSize {
  std::int64_t bytes = 0;
  friend auto operator<=>(const ByteSize&, const ByteSize&) = default;
};

struct CpuAmount {
  std::int64_t milli = 0;  // Thousandths of a core.
  friend auto operator<=>(const CpuAmount&, const CpuAmount&) = default;
};

// One to four of: up to five digits and h, m, s or ms. No sign, no fraction, nothing finer than a millisecond.
Result<Duration> parse_duration(std::string_view text);
// The shortest form that parse_duration reads back. Finer than a millisecond is rounded up; at most 99999h59m59s999ms,
// at least "0s".
std::string format_duration(Duration duration);

// A decimal number, then one of n u m k M G T P E Ki Mi Gi Ti Pi Ei, an exponent (e3) or nothing. No sign. Rounded up
// to whole bytes or thousandths of a core, as Kubernetes does.
Result<ByteSize> parse_bytes(std::string_view text);
Result<CpuAmount> parse_cpu(std::string_view text);
std::string format_bytes(ByteSize size);   // "512Mi", "1500"
std::string format_cpu(CpuAmount amount);  // "2", "250m"

}  // namespace remit::resource

// Money in integer micro-USD, prices in micro-USD per million tokens. No floating point anywhere near a bill.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit {

struct MicroUsd {
  std::int64_t value = 0;

  friend auto operator<=>(const MicroUsd&, const MicroUsd&) = default;
  MicroUsd operator+(MicroUsd other) const { return {value + other.value}; }
  MicroUsd operator-(MicroUsd other) const { return {value - other.value}; }
  MicroUsd& operator+=(MicroUsd other) {
    value += other.value;
    return *this;
  }
  MicroUsd& operator-=(MicroUsd other) {
    value -= other.value;
    return *this;
  }
};

// The largest sum the spec takes: a billion dollars. Keeps every addition far from overflow.
inline constexpr MicroUsd kMoneyLimit{1'000'000'000'000'000};

// "0.50" → 500000. Digits with at most one point and six decimals; no sign, no exponent.
Result<MicroUsd> parse_usd(std::string_view text);
// 500000 → "0.50"; at least two decimals, as many as the value needs.
std::string to_usd(MicroUsd amount);
// "$0.0312": four decimals for people, rounded half up.
std::string display_usd(MicroUsd amount);

}  // namespace remit

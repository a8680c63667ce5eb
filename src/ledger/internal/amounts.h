// Arithmetic on Amounts, member by member.
#pragma once

#include <algorithm>

#include "core/usage.h"

namespace remit::ledger {

// Calls `f` with corresponding members and returns what it made of them.
template <typename F>
Amounts each_member(const Amounts& a, const Amounts& b, F f) {
  return {{f(a.cost.value, b.cost.value)}, f(a.tokens, b.tokens), f(a.calls, b.calls)};
}

inline Amounts plus(const Amounts& a, const Amounts& b) {
  return each_member(a, b, [](auto x, auto y) { return x + y; });
}
inline Amounts minus(const Amounts& a, const Amounts& b) {
  return each_member(a, b, [](auto x, auto y) { return x - y; });
}
inline Amounts larger(const Amounts& a, const Amounts& b) {
  return each_member(a, b, [](auto x, auto y) { return std::max(x, y); });
}
inline Amounts smaller(const Amounts& a, const Amounts& b) {
  return each_member(a, b, [](auto x, auto y) { return std::min(x, y); });
}

// What a sum of amounts may be: far from overflow.
inline constexpr std::int64_t kMaxAmount = 1'000'000'000'000'000;

inline bool in_range(const Amounts& a) {
  const auto good = [](std::int64_t x) { return x >= 0 && x <= kMaxAmount; };
  return good(a.cost.value) && good(a.tokens) && good(a.calls);
}

}  // namespace remit::ledger

// EnumNames: the one table behind an enum's to_string and parse.
#pragma once

#include <array>
#include <string_view>

#include <fmt/format.h>

#include "base/result.h"

namespace remit {

template <typename Enum, std::size_t N>
struct EnumNames {
  std::string_view what;                  // For the error: "an effect".
  std::array<std::string_view, N> names;  // In the order of the enumerators, which count from 0.

  constexpr std::string_view name(Enum value) const { return names[static_cast<std::size_t>(value)]; }
  Result<Enum> parse(std::string_view text) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (names[i] == text) return static_cast<Enum>(i);
    }
    return fail(invalid_argument(fmt::format("'{}' is not {}; known: {}", text, what, fmt::join(names, ", "))));
  }
};

}  // namespace remit

#include "core/money.h"

#include <fmt/format.h>

namespace remit {

Result<MicroUsd> parse_usd(std::string_view text) {
  const auto bad = [&] {
    return fail(invalid_argument(
        fmt::format("'{}' is not an amount in US dollars; write it as a decimal string, such as \"0.50\"", text)));
  };
  std::int64_t value = 0;
  int decimals = -1;
  for (const char c : text) {
    if (c == '.' && decimals < 0) {
      decimals = 0;
      continue;
    }
    if (c < '0' || c > '9' || decimals == 6) return bad();
    value = value * 10 + (c - '0');
    if (decimals >= 0) ++decimals;
    if (value > kMoneyLimit.value) return bad();
  }
  if (text.empty() || text.front() == '.' || decimals == 0) return bad();
  // Far below the limit of the type: a value over the sum that the spec takes ends the loop before it can overflow.
  for (int i = decimals < 0 ? 0 : decimals; i < 6 && value <= kMoneyLimit.value; ++i) value *= 10;
  if (value > kMoneyLimit.value) return bad();
  return MicroUsd{value};
}

std::string to_usd(MicroUsd amount) {
  const char* sign = amount.value < 0 ? "-" : "";
  const auto absolute = amount.value < 0 ? -amount.value : amount.value;
  std::string text = fmt::format("{}{}.{:06}", sign, absolute / 1'000'000, absolute % 1'000'000);
  while (text.ends_with('0') && text[text.size() - 3] != '.') text.pop_back();
  return text;
}

std::string display_usd(MicroUsd amount) {
  const auto tenths = (amount.value + 50) / 100;
  std::string text = fmt::format("${}.{:04}", tenths / 10000, tenths % 10000);
  if (text.ends_with("00")) text.resize(text.size() - 2);
  return text;
}

}  // namespace remit

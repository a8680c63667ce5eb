#include "http/detail/syntax.h"

#include <algorithm>
#include <array>

namespace remit::http::detail {

namespace {

constexpr std::array<bool, 256> kTokenTable = [] {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[std::size_t(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[std::size_t(c)] = table[std::size_t(c - 32)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) table[std::size_t(c)] = true;
  return table;
}();

template <typename Test>
bool all(std::string_view text, Test test) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return test(static_cast<unsigned char>(c)); });
}

}  // namespace

bool is_token(std::string_view text) {
  return !text.empty() && all(text, [](unsigned char c) { return kTokenTable[c]; });
}

bool is_field_value(std::string_view text) {
  return all(text, [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

bool is_digits(std::string_view text) {
  return !text.empty() && all(text, [](unsigned char c) { return c >= '0' && c <= '9'; });
}

bool is_target(std::string_view text) {
  return !text.empty() && all(text, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

}  // namespace remit::http::detail

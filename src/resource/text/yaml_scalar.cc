#include "resource/text/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/strings.h"

namespace remit::resource {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

template <std::size_t N>
bool one_of(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, text) != words.end();
}

constexpr std::array<std::string_view, 5> kNulls = {"", "~", "null", "Null", "NULL"};
constexpr std::array<std::string_view, 3> kTrue = {"true", "True", "TRUE"};
constexpr std::array<std::string_view, 3> kFalse = {"false", "False", "FALSE"};

// The whole text as an integer of `base`; false when it is not one or does not fit.
template <typename T>
bool read_integer(std::string_view text, int base, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool resolve_integer(std::string_view text, json::value& out) {
  std::int64_t number = 0;
  if (text.starts_with("0o") || text.starts_with("0x")) {
    const auto digits = text.substr(2);
    if (digits.starts_with('-') || !read_integer(digits, text[1] == 'o' ? 8 : 16, number)) return false;
    out = number;
    return true;
  }
  const bool plus = text.starts_with('+');
  if (plus) text.remove_prefix(1);
  if (plus && text.starts_with('-')) return false;
  std::uint64_t large = 0;
  if (read_integer(text, 10, number)) {
    out = number;
  } else if (!text.starts_with('-') && read_integer(text, 10, large)) {
    out = large;
  } else {
    return false;
  }
  return true;
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  std::size_t at = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  const std::size_t before = digits();
  std::size_t after = 0;
  if (at < text.size() && text[at] == '.') ++at, after = digits();
  if (before + after == 0) return false;
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

json::value resolve_plain_scalar(std::string_view text) {
  if (one_of(text, kNulls)) return nullptr;
  if (one_of(text, kTrue)) return true;
  if (one_of(text, kFalse)) return false;
  json::value out;
  if (resolve_integer(text, out)) return out;
  if (is_float(text)) {
    std::string_view digits = text;
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc() && end == digits.data() + digits.size() && std::isfinite(number)) return number;
  }
  return json::string(jsv(text));
}

bool can_stand_plain(std::string_view text) {
  // Words that YAML 1.1 or 1.2 readers take for a boolean or null, in lower case.
  static constexpr std::array<std::string_view, 8> kWords = {"y", "n", "yes", "no", "on", "off", "true", "false"};
  if (text.empty() || text.size() > 200 || text.back() == ' ' || text.back() == ':') return false;
  const char first = text.front();
  if (!is_letter(first) && !is_digit(first) && first != '/') return false;
  const bool only_safe = std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || std::string_view(" _-./:+=@()$;%^*<>").find(c) != std::string_view::npos;
  });
  if (!only_safe || text.find(": ") != std::string_view::npos) return false;
  const std::string lowered = to_lower(text);
  if (one_of(lowered, kWords) || lowered == "null") return false;
  if (is_digit(first)) {
    // Numbers of any notation, dates and sexagesimals are made of these alone; a unit such as "15m" or "512Mi" is not.
    return text.find_first_of("-:+") == std::string_view::npos && std::ranges::any_of(text, [](char c) {
             return is_letter(c) && std::string_view("abcdefABCDEFxXoOtTzZ").find(c) == std::string_view::npos;
           });
  }
  return true;
}

}  // namespace remit::resource

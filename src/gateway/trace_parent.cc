#include "gateway/trace_parent.h"

#include <algorithm>

namespace remit::gateway {
namespace {

bool is_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) { return text.find_first_not_of('0') == text.npos; }

}  // namespace

std::string parse_trace_parent(std::string_view header) {
  constexpr std::size_t kSize = 55;  // "00-" trace id "-" span id "-" flags
  if (header.size() < kSize || header[2] != '-' || header[35] != '-' || header[52] != '-') return "";
  const auto version = header.substr(0, 2), trace = header.substr(3, 32), span = header.substr(36, 16),
             flags = header.substr(53, 2);
  if (!is_hex(version) || !is_hex(trace) || !is_hex(span) || !is_hex(flags)) return "";
  if (version == "ff" || is_zero(trace) || is_zero(span)) return "";
  if (version == "00" ? header.size() != kSize : (header.size() > kSize && header[kSize] != '-')) return "";
  return "00" + std::string(header.substr(2, kSize - 2));
}

}  // namespace remit::gateway

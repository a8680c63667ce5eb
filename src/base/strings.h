// Small functions on text. Everything that reaches a terminal from outside goes through printable() first.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace remit {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string to_lower(std::string_view text);  // ASCII only.

bool is_valid_utf8(std::string_view text);
// The text with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);
// Valid UTF-8 without control characters: bad bytes and controls become \xNN, newline \n. At most max_bytes, then "…".
std::string printable(std::string_view text, std::size_t max_bytes = SIZE_MAX);

// The one of `known` that is closest to `name` by edit distance, "" when none is near enough to be a typing error.
std::string_view nearest(std::string_view name, std::span<const std::string_view> known);

std::string with_thousands(std::uint64_t number);  // 1204 → "1,204"

std::string sha256_hex(std::string_view bytes);
std::string base64(std::string_view bytes);

}  // namespace remit

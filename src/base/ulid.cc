#include "base/ulid.h"

#include <charconv>

#include <fmt/format.h>

namespace remit {

static constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

Ulid Ulid::make(const Clock& clock, Rng& rng) {
  const auto millis = static_cast<std::uint64_t>(unix_nanos(clock.wall_now()) / 1'000'000);
  return {millis << 16 | (rng.next() & 0xffff), rng.next()};
}

Result<Ulid> Ulid::parse(std::string_view text) {
  // 26 characters hold 130 bits, so the first may be at most 7.
  if (text.size() != 26 || text[0] > '7') return fail(invalid_argument(fmt::format("'{}' is not a ULID", text)));
  unsigned __int128 bits = 0;
  for (char c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return fail(invalid_argument(fmt::format("'{}' is not a ULID", text)));
    bits = bits << 5 | digit;
  }
  return Ulid(static_cast<std::uint64_t>(bits >> 64), static_cast<std::uint64_t>(bits));
}

Result<Ulid> Ulid::parse_hex(std::string_view text) {
  std::uint64_t parts[2] = {};
  const char* at = text.data();
  for (auto& part : parts) {
    if (text.size() != 32 || std::from_chars(at, at + 16, part, 16).ptr != at + 16) {
      return fail(invalid_argument(fmt::format("'{}' is not 32 hexadecimal digits", text)));
    }
    at += 16;
  }
  return Ulid(parts[0], parts[1]);
}

std::string Ulid::to_string() const {
  unsigned __int128 bits = static_cast<unsigned __int128>(high_) << 64 | low_;
  std::string out(26, '0');
  for (auto i = out.rbegin(); i != out.rend(); ++i, bits >>= 5) *i = kAlphabet[static_cast<std::size_t>(bits & 31)];
  return out;
}

std::string Ulid::to_hex() const { return fmt::format("{:016x}{:016x}", high_, low_); }

}  // namespace remit

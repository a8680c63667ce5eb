// Ulid: 128 bits that sort by time of creation (48 bits of milliseconds, 80 of randomness). A run's id is one, and the
// same 128 bits are its trace id. Text form: 26 characters of Crockford's base 32, as the ULID specification has it.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"

namespace remit {

class Ulid {
 public:
  Ulid() = default;
  static Ulid make(const Clock& clock, Rng& rng);
  static Result<Ulid> parse(std::string_view text);      // 26 characters, either case.
  static Result<Ulid> parse_hex(std::string_view text);  // 32 characters.

  std::string to_string() const;
  std::string to_hex() const;  // 32 lower-case digits: the W3C trace id.
  bool is_nil() const { return high_ == 0 && low_ == 0; }
  std::uint64_t hash() const { return high_ * 0x9e3779b97f4a7c15 ^ low_; }

  friend auto operator<=>(const Ulid&, const Ulid&) = default;

 private:
  Ulid(std::uint64_t high, std::uint64_t low) : high_(high), low_(low) {}
  std::uint64_t high_ = 0;
  std::uint64_t low_ = 0;
};

}  // namespace remit

// Rng: the only source of randomness. Not for keys unless it is a SystemRng.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace remit {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual std::uint64_t next() = 0;

  // Uniform in [0, bound); bound > 0.
  std::uint64_t below(std::uint64_t bound);
  // Uniform in [0, 1).
  double unit() { return double(next() >> 11) * 0x1.0p-53; }
  // `bytes` random bytes in lower-case hexadecimal.
  std::string hex(std::size_t bytes);
};

// The kernel's generator; fit for keys. Safe to use from any thread.
class SystemRng final : public Rng {
 public:
  std::uint64_t next() override;
};

// SplitMix64 (Steele, Lea, Flood 2014): the same seed gives the same numbers. One thread only.
class SeededRng final : public Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace remit

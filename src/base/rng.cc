#include "base/rng.h"

#include <sys/random.h>

#include <cstdlib>

#include <fmt/format.h>

namespace remit {

std::uint64_t Rng::below(std::uint64_t bound) {
  // Lemire's multiply-shift, without its rejection step: the bias is under bound / 2^64.
  return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
}

std::string Rng::hex(std::size_t bytes) {
  std::string out;
  while (out.size() < bytes * 2) out += fmt::format("{:016x}", next());
  out.resize(bytes * 2);
  return out;
}

std::uint64_t SystemRng::next() {
  std::uint64_t value = 0;
  // Requests of up to 256 bytes are never short and fail only on a kernel without the call, where nothing is safe to
  // do.
  if (getrandom(&value, sizeof value, 0) != sizeof value) std::abort();
  return value;
}

std::uint64_t SeededRng::next() {
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace remit

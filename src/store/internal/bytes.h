// Little-endian integers in byte strings.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <string>

namespace remit::store {

static_assert(std::endian::native == std::endian::little,
              "the log's integers are little-endian; add byte swaps for this processor");

template <std::unsigned_integral T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <std::unsigned_integral T>
void put(char* to, T value) {
  std::memcpy(to, &value, sizeof value);
}

}  // namespace remit::store

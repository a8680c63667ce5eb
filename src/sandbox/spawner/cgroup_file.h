// Reading and writing the small files of a cgroup folder.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

inline int write_number(int folder, const char* name, std::uint64_t value) {
  char digits[24];
  const std::size_t size = to_decimal(value, digits);
  return write_file_at(folder, name, digits, size) ? 0 : errno;
}

inline std::size_t read_whole(int folder, const char* name, char* out, std::size_t capacity) {
  Fd fd(::openat(folder, name, O_RDONLY | O_CLOEXEC));
  if (!fd) return 0;
  std::size_t size = 0;
  while (size < capacity) {
    const ssize_t got = ::read(fd.get(), out + size, capacity - size);
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  return size;
}

// The number after `key` at the start of a line ("" is the first line), 0 when there is none.
inline std::uint64_t read_keyed(int folder, const char* name, const char* key) {
  char text[1024];
  const std::size_t size = read_whole(folder, name, text, sizeof(text));
  const std::size_t key_size = std::strlen(key);
  for (std::size_t i = 0; i < size;) {
    if (size - i > key_size && std::memcmp(text + i, key, key_size) == 0) {
      std::uint64_t value = 0;
      for (std::size_t k = i + key_size; k < size && text[k] >= '0' && text[k] <= '9'; ++k) {
        value = value * 10 + static_cast<std::uint64_t>(text[k] - '0');
      }
      return value;
    }
    while (i < size && text[i] != '\n') ++i;
    ++i;
  }
  return 0;
}

}  // namespace remit::spawner

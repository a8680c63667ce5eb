// Small things that every file of the spawner needs: the error that names its stage, descriptors, the clock. The
// spawner is single-threaded, allocates nothing and is built without exceptions; a function returns 0 or a positive
// errno.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <initializer_list>

#include "sandbox/wire/reply.h"

namespace remit::spawner {

using sandbox::wire::Stage;

// Where something failed, and with which errno; ok when error is 0.
struct Status {
  Stage stage = Stage::kNone;
  int error = 0;
  bool ok() const { return error == 0; }
};

inline constexpr Status kOk{};
inline Status failed(Stage stage) { return {stage, errno == 0 ? EIO : errno}; }

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  Fd& operator=(Fd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

inline std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

inline bool write_file_at(int folder, const char* name, const char* bytes, std::size_t size) {
  Fd fd(::openat(folder, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
  return fd && ::write(fd.get(), bytes, size) == static_cast<ssize_t>(size);
}

// Decimal digits of `value`, NUL-terminated; the number of digits.
inline std::size_t to_decimal(std::uint64_t value, char (&out)[24]) {
  char reversed[24];
  std::size_t size = 0;
  do {
    reversed[size++] = static_cast<char>('0' + value % 10);
    value /= 10;
  } while (value > 0);
  for (std::size_t i = 0; i < size; ++i) out[i] = reversed[size - 1 - i];
  out[size] = 0;
  return size;
}

}  // namespace remit::spawner

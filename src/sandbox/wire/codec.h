// The bytes between the daemon and its spawner: little-endian integers and NUL-terminated strings with their length in
// front. Used on both sides, so it needs neither the standard library's run time nor exceptions. A Reader never reads
// outside its span, whatever the bytes are; after the first error it returns zeros and empty strings, and ok() stays
// false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace remit::sandbox::wire {

// One SEQPACKET message. Below the smallest usual net.core.wmem_default, so that it never needs a raised socket buffer.
inline constexpr std::size_t kMessageBytes = 208u << 10;

class Writer {
 public:
  Writer(char* data, std::size_t capacity) : data_(data), capacity_(capacity) {}

  void u8(std::uint8_t value) { raw(&value, 1); }
  void u16(std::uint16_t value) { raw(&value, 2); }
  void u32(std::uint32_t value) { raw(&value, 4); }
  void u64(std::uint64_t value) { raw(&value, 8); }
  void text(const char* bytes, std::size_t size) {
    u32(static_cast<std::uint32_t>(size));
    raw(bytes, size);
    u8(0);
  }

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }

 private:
  void raw(const void* bytes, std::size_t size) {
    if (!ok_ || size > capacity_ - size_) {
      ok_ = false;
      return;
    }
    if (size > 0) std::memcpy(data_ + size_, bytes, size);
    size_ += size;
  }

  char* data_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

class Reader {
 public:
  Reader(const char* data, std::size_t size) : data_(data), left_(size) {}

  std::uint8_t u8() { return integer<std::uint8_t>(); }
  std::uint16_t u16() { return integer<std::uint16_t>(); }
  std::uint32_t u32() { return integer<std::uint32_t>(); }
  std::uint64_t u64() { return integer<std::uint64_t>(); }

  // A string without inner NUL; it lies in the message itself. "" after an error.
  const char* text() {
    const std::size_t size = u32();
    if (!ok_ || left_ < 1 || size > left_ - 1 || data_[size] != 0 ||
        (size > 0 && std::memchr(data_, 0, size) != nullptr)) {
      ok_ = false;
      return "";
    }
    const char* start = data_;
    data_ += size + 1;
    left_ -= size + 1;
    return start;
  }

  // A count of things that follow; more than `most` is an error.
  std::uint32_t count(std::uint32_t most) {
    const std::uint32_t value = u32();
    if (value <= most) return ok_ ? value : 0;
    ok_ = false;
    return 0;
  }

  bool ok() const { return ok_; }
  bool at_end() const { return ok_ && left_ == 0; }

 private:
  template <typename T>
  T integer() {
    T value = 0;
    if (!ok_ || left_ < sizeof(T)) {
      ok_ = false;
      return 0;
    }
    std::memcpy(&value, data_, sizeof(T));
    data_ += sizeof(T);
    left_ -= sizeof(T);
    return value;
  }

  const char* data_;
  std::size_t left_;
  bool ok_ = true;
};

}  // namespace remit::sandbox::wire

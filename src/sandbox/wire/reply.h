// What the spawner tells the daemon, and PID 1 of a sandbox tells the spawner. Both receivers treat these as untrusted
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sandbox/wire/codec.h"

namespace remit::sandbox::wire {

inline constexpr std::size_t kReplyBytes = 256;

enum class ReplyType : std::uint8_t { kReady = 1, kStarted = 2, kFailed = 3, kDone = 4 };

// Where making a sandbox failed.
enum class Stage : std::uint8_t {
  kNone,
  kProtocol,
  kNamespaces,
  kImage,
  kCgroup,
  kSource,  // A path of the mount plan on the host.
  kOverlay,
  kMount,  // Putting things in their place inside.
  kProc,
  kNetwork,
  kIdentity,
  kSeccomp,
  kBridge,
  kDescriptors,
  kDirectory,  // cwd
  kExec,
  kLast = kExec,
};

// Why a sandbox ended, as the spawner saw it.
enum class Cause : std::uint8_t { kItself, kWallTime, kKilled, kLost, kLast = kLost };

struct Ready {
  std::uint8_t stage = 0;  // A Stage that failed; kNone when the spawner can work.
  std::uint32_t error = 0;
};

struct Started {
  std::uint64_t id = 0;
  std::uint64_t at_ns = 0;  // CLOCK_MONOTONIC
};

struct Failed {
  std::uint64_t id = 0;
  std::uint8_t stage = 0;
  std::uint32_t error = 0;
};

struct Done {
  std::uint64_t id = 0;
  std::uint8_t cause = 0;
  std::uint8_t why = 0;      // Of the Kill that ended it.
  bool has_status = false;   // `status`, `ended_ns` and `cpu_us` are known.
  bool quota_full = false;   // A tmpfs was full at the end.
  std::uint32_t status = 0;  // As waitpid gives it.
  std::uint64_t ended_ns = 0;
  std::uint64_t gone_ns = 0;
  std::uint64_t cpu_us = 0;
  std::uint64_t peak_memory_bytes = 0;
  std::uint32_t oom_kills = 0;
  std::uint32_t refused_forks = 0;
};

// What PID 1 reports; sent as it lies in memory, between two processes of one binary.
struct Report {
  enum Kind : std::uint8_t { kStarted = 1, kFailed = 2, kExit = 3 };
  std::uint8_t kind = 0;
  std::uint8_t stage = 0;
  std::uint8_t quota_full = 0;
  std::uint8_t reserved = 0;
  std::uint32_t error = 0;
  std::uint32_t status = 0;
  std::uint64_t at_ns = 0;
  std::uint64_t cpu_us = 0;
};

std::size_t encode(const Ready& value, char* data, std::size_t capacity);
std::size_t encode(const Started& value, char* data, std::size_t capacity);
std::size_t encode(const Failed& value, char* data, std::size_t capacity);
std::size_t encode(const Done& value, char* data, std::size_t capacity);

std::uint8_t reply_type(const char* data, std::size_t size);
bool decode(const char* data, std::size_t size, Ready& out);
bool decode(const char* data, std::size_t size, Started& out);
bool decode(const char* data, std::size_t size, Failed& out);
bool decode(const char* data, std::size_t size, Done& out);
bool decode(const char* data, std::size_t size, Report& out);

}  // namespace remit::sandbox::wire

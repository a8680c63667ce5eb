// What the daemon asks of its spawner. Plain fixed-size values: strings point into the received message. Each decode
// function checks every bound and every form that the spawner relies on; decoding never allocates.
#pragma once

#include <cstddef>
#include <cstdint>

#include "sandbox/wire/codec.h"

namespace remit::sandbox::wire {

inline constexpr std::uint32_t kVersion = 1;
inline constexpr std::uint32_t kArguments = 4096;
inline constexpr std::uint32_t kMounts = 64;
inline constexpr std::uint32_t kLowerLayers = 12;
inline constexpr std::uint32_t kFds = 20;  // 3 standard streams, the bridge, 16 inherited.
inline constexpr std::uint32_t kHighestFdNumber = 255;
inline constexpr std::uint32_t kMostPids = 512;
inline constexpr std::uint32_t kTargetBytes = 1024;

enum class RequestType : std::uint8_t { kSetup = 1, kStart = 2, kKill = 3 };

// Where the leaves of this spawner's sandboxes go; "" for a hierarchy that is not used.
struct Setup {
  const char* unified = "";  // A cgroup v2 folder.
  bool unified_memory = false, unified_pids = false, unified_cpu = false;
  const char* memory = "";  // Folders of version 1 hierarchies.
  const char* pids = "";
  const char* cpu = "";
  const char* freezer = "";
};

struct Tmpfs {
  const char* target = "";
  std::uint64_t size_bytes = 0;
  std::uint64_t inodes = 0;
};

struct Overlay {
  const char* target = "";
  bool userxattr = false;
  bool is_volatile = false;
  std::uint32_t lower_count = 0;
  const char* lower[kLowerLayers] = {};
  const char* upper = "";
  const char* work = "";
};

struct Bind {
  const char* source = "";
  const char* target = "";
};

struct Start {
  std::uint64_t id = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t file_bytes = 0;
  std::uint64_t cpu_seconds = 0;
  std::uint64_t wall_ns = 0;
  std::uint64_t grace_ns = 0;
  std::uint32_t pids = 0;
  std::uint32_t cpu_percent = 0;
  std::uint32_t open_files = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  bool has_identity = false;
  std::uint16_t bridge_port = 0;  // Not 0: the first descriptor of the message is the bridge's socket.
  const char* cwd = "/";
  std::uint32_t argc = 0, envc = 0;
  const char* argv[kArguments + 1] = {};
  const char* env[kArguments + 1] = {};
  std::uint32_t tmpfs_count = 0, overlay_count = 0, bind_count = 0;
  Tmpfs tmpfs[kMounts];
  Overlay overlay[kMounts];
  Bind bind[kMounts];
  std::uint32_t fd_count = 0;
  std::uint32_t fd_number[kFds] = {};  // Numbers inside of the descriptors that come with the message, in their order.
};

struct Kill {
  std::uint64_t id = 0;
  std::uint8_t why = 0;
};

// The type of a message, or 0 when it has none that is known.
std::uint8_t request_type(const char* data, std::size_t size);
bool decode(const char* data, std::size_t size, Setup& out);
bool decode(const char* data, std::size_t size, Start& out);
bool decode(const char* data, std::size_t size, Kill& out);

// Absolute, without empty, "." or ".." components, shorter than kTargetBytes, not "/".
bool is_clean_target(const char* path);

}  // namespace remit::sandbox::wire

#include "sandbox/wire/request.h"

namespace remit::sandbox::wire {

namespace {

void read_tmpfs(Reader& in, Start& out) {
  out.tmpfs_count = in.count(kMounts);
  for (std::uint32_t i = 0; i < out.tmpfs_count; ++i) {
    out.tmpfs[i].target = in.text();
    out.tmpfs[i].size_bytes = in.u64();
    out.tmpfs[i].inodes = in.u64();
  }
}

void read_overlays(Reader& in, Start& out) {
  out.overlay_count = in.count(kMounts);
  for (std::uint32_t i = 0; i < out.overlay_count; ++i) {
    Overlay& overlay = out.overlay[i];
    overlay.target = in.text();
    overlay.userxattr = in.u8() != 0;
    overlay.is_volatile = in.u8() != 0;
    overlay.lower_count = in.count(kLowerLayers);
    for (std::uint32_t k = 0; k < overlay.lower_count; ++k) overlay.lower[k] = in.text();
    overlay.upper = in.text();
    overlay.work = in.text();
  }
}

void read_binds(Reader& in, Start& out) {
  out.bind_count = in.count(kMounts);
  for (std::uint32_t i = 0; i < out.bind_count; ++i) {
    out.bind[i].source = in.text();
    out.bind[i].target = in.text();
  }
}

void read_words(Reader& in, std::uint32_t& count, const char** words) {
  count = in.count(kArguments);
  for (std::uint32_t i = 0; i < count; ++i) words[i] = in.text();
  words[count] = nullptr;
}

bool mounts_are_sound(const Start& start) {
  if (start.tmpfs_count + start.overlay_count + start.bind_count > kMounts) return false;
  for (std::uint32_t i = 0; i < start.tmpfs_count; ++i) {
    if (!is_clean_target(start.tmpfs[i].target)) return false;
  }
  for (std::uint32_t i = 0; i < start.overlay_count; ++i) {
    const Overlay& overlay = start.overlay[i];
    if (!is_clean_target(overlay.target) || overlay.lower_count == 0) return false;
    if (overlay.upper[0] != '/' || overlay.work[0] != '/') return false;
    for (std::uint32_t k = 0; k < overlay.lower_count; ++k) {
      if (overlay.lower[k][0] != '/') return false;
    }
  }
  for (std::uint32_t i = 0; i < start.bind_count; ++i) {
    if (!is_clean_target(start.bind[i].target) || start.bind[i].source[0] != '/') return false;
  }
  return true;
}

}  // namespace

std::uint8_t request_type(const char* data, std::size_t size) {
  return size > 0 && data[0] >= 1 && data[0] <= 3 ? static_cast<std::uint8_t>(data[0]) : 0;
}

bool decode(const char* data, std::size_t size, Setup& out) {
  Reader in(data, size);
  if (in.u8() != static_cast<std::uint8_t>(RequestType::kSetup) || in.u32() != kVersion) return false;
  out.unified = in.text();
  out.unified_memory = in.u8() != 0;
  out.unified_pids = in.u8() != 0;
  out.unified_cpu = in.u8() != 0;
  out.memory = in.text();
  out.pids = in.text();
  out.cpu = in.text();
  out.freezer = in.text();
  return in.at_end();
}

bool decode(const char* data, std::size_t size, Start& out) {
  Reader in(data, size);
  if (in.u8() != static_cast<std::uint8_t>(RequestType::kStart)) return false;
  out.id = in.u64();
  out.memory_bytes = in.u64();
  out.file_bytes = in.u64();
  out.cpu_seconds = in.u64();
  out.wall_ns = in.u64();
  out.grace_ns = in.u64();
  out.pids = in.u32();
  out.cpu_percent = in.u32();
  out.open_files = in.u32();
  out.uid = in.u32();
  out.gid = in.u32();
  out.has_identity = in.u8() != 0;
  out.bridge_port = in.u16();
  out.cwd = in.text();
  read_words(in, out.argc, out.argv);
  read_words(in, out.envc, out.env);
  read_tmpfs(in, out);
  read_overlays(in, out);
  read_binds(in, out);
  out.fd_count = in.count(kFds);
  for (std::uint32_t i = 0; i < out.fd_count; ++i) out.fd_number[i] = in.u32();
  if (!in.at_end() || out.argc == 0 || out.argv[0][0] == 0 || out.cwd[0] != '/') return false;
  if (out.pids == 0 || out.pids > kMostPids || out.memory_bytes == 0 || out.open_files == 0) return false;
  for (std::uint32_t i = 0; i < out.fd_count; ++i) {
    if (out.fd_number[i] > kHighestFdNumber) return false;
  }
  return mounts_are_sound(out);
}

bool decode(const char* data, std::size_t size, Kill& out) {
  Reader in(data, size);
  if (in.u8() != static_cast<std::uint8_t>(RequestType::kKill)) return false;
  out.id = in.u64();
  out.why = in.u8();
  return in.at_end();
}

bool is_clean_target(const char* path) {
  if (path[0] != '/' || path[1] == 0) return false;
  std::size_t total = 0;
  while (*path == '/') {
    const char* name = ++path;
    while (*path != 0 && *path != '/') ++path;
    const std::size_t size = static_cast<std::size_t>(path - name);
    if (size == 0 || (size == 1 && name[0] == '.') || (size == 2 && name[0] == '.' && name[1] == '.')) return false;
    total += size + 1;
  }
  return total < kTargetBytes;
}

}  // namespace remit::sandbox::wire

#include "sandbox/tier/encode_request.h"

#include <sys/stat.h>

#include "sandbox/wire/request.h"

namespace remit::sandbox {

namespace {

using wire::Writer;

void put(Writer& out, std::string_view text) { out.text(text.data(), text.size()); }

std::uint64_t seconds_up(std::chrono::nanoseconds length) {
  return static_cast<std::uint64_t>((length.count() + 999'999'999) / 1'000'000'000);
}

void put_limits(Writer& out, const Limits& limits) {
  out.u64(limits.memory_bytes);
  out.u64(limits.file_bytes);
  out.u64(seconds_up(limits.cpu_time));
  out.u64(static_cast<std::uint64_t>(limits.wall_time.count()));
  out.u64(static_cast<std::uint64_t>(limits.grace.count()));
  out.u32(limits.pids);
  out.u32(limits.cpu_percent);
  out.u32(limits.open_files);
}

std::optional<Identity> identity_of(const Spec& spec) {
  if (spec.identity) return spec.identity;
  struct stat info{};
  if (spec.mounts.overlays.empty() || ::stat(spec.mounts.overlays[0].upperdir.c_str(), &info) != 0) return std::nullopt;
  return Identity{info.st_uid, info.st_gid};
}

bool sets(const std::vector<std::string>& env, std::string_view name) {
  return std::ranges::any_of(
      env, [name](const std::string& entry) { return entry.starts_with(name) && entry[name.size()] == '='; });
}

void put_environment(Writer& out, const Spec& spec) {
  constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
      {"HOME", "/tmp"},
      {"USER", "agent"},
      {"LANG", "C.UTF-8"},
      {"TMPDIR", "/tmp"}};
  std::vector<std::string> more;
  for (const auto& [name, value] : kDefaults) {
    if (!sets(spec.env, name)) more.push_back(fmt::format("{}={}", name, value));
  }
  out.u32(static_cast<std::uint32_t>(spec.env.size() + more.size()));
  for (const std::string& entry : spec.env) put(out, entry);
  for (const std::string& entry : more) put(out, entry);
}

void put_mounts(Writer& out, const MountPlan& plan) {
  out.u32(static_cast<std::uint32_t>(plan.tmpfs.size()));
  for (const TmpfsMount& tmpfs : plan.tmpfs) {
    put(out, tmpfs.target);
    out.u64(tmpfs.size_bytes);
    out.u64(tmpfs.inodes);
  }
  out.u32(static_cast<std::uint32_t>(plan.overlays.size()));
  for (const OverlayPlan& overlay : plan.overlays) {
    put(out, overlay.target);
    out.u8(overlay.userxattr);
    out.u8(overlay.is_volatile);
    out.u32(static_cast<std::uint32_t>(overlay.lowerdirs.size()));
    for (const std::string& lower : overlay.lowerdirs) put(out, lower);
    put(out, overlay.upperdir);
    put(out, overlay.workdir);
  }
  out.u32(static_cast<std::uint32_t>(plan.binds.size()));
  for (const ReadOnlyBind& bind : plan.binds) {
    put(out, bind.source);
    put(out, bind.target);
  }
}

std::size_t size_of(const Writer& out) { return out.ok() ? out.size() : 0; }

}  // namespace

std::size_t encode_setup(const CgroupBases& bases, std::span<char> bytes) {
  Writer out(bytes.data(), bytes.size());
  out.u8(static_cast<std::uint8_t>(wire::RequestType::kSetup));
  out.u32(wire::kVersion);
  put(out, bases.unified);
  out.u8(bases.unified_memory);
  out.u8(bases.unified_pids);
  out.u8(bases.unified_cpu);
  put(out, bases.memory);
  put(out, bases.pids);
  put(out, bases.cpu);
  put(out, bases.freezer);
  return size_of(out);
}

std::size_t encode_start(std::uint64_t id, const Spec& spec, std::span<const int> fd_numbers, std::span<char> bytes) {
  Writer out(bytes.data(), bytes.size());
  out.u8(static_cast<std::uint8_t>(wire::RequestType::kStart));
  out.u64(id);
  put_limits(out, spec.limits);
  const std::optional<Identity> identity = identity_of(spec);
  out.u32(identity ? identity->uid : 0);
  out.u32(identity ? identity->gid : 0);
  out.u8(identity.has_value());
  out.u16(spec.bridge_port);
  put(out, spec.cwd);
  out.u32(static_cast<std::uint32_t>(spec.argv.size()));
  for (const std::string& word : spec.argv) put(out, word);
  put_environment(out, spec);
  put_mounts(out, spec.mounts);
  out.u32(static_cast<std::uint32_t>(fd_numbers.size()));
  for (const int number : fd_numbers) out.u32(static_cast<std::uint32_t>(number));
  return size_of(out);
}

std::size_t encode_kill(std::uint64_t id, std::uint8_t why, std::span<char> bytes) {
  Writer out(bytes.data(), bytes.size());
  out.u8(static_cast<std::uint8_t>(wire::RequestType::kKill));
  out.u64(id);
  out.u8(why);
  return size_of(out);
}

}  // namespace remit::sandbox

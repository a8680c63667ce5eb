#include "sandbox/spec.h"

#include <set>

#include "sandbox/wire/request.h"

namespace remit::sandbox {

static_assert(limits::kMounts == wire::kMounts && limits::kLowerLayers == wire::kLowerLayers);
static_assert(limits::kArguments == wire::kArguments && limits::kMostPids == wire::kMostPids);
static_assert(limits::kInheritedFds + 4 == wire::kFds && limits::kHighestInheritedFd == wire::kHighestFdNumber);
static_assert(limits::kArgumentBytes < wire::kMessageBytes);

std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::kProcess: return "Process";
    case Tier::kGVisor: return "GVisor";
    case Tier::kMicroVm: return "MicroVM";
  }
  return "?";
}

namespace {

bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

Result<> check_target(const std::string& target) {
  if (!has_nul(target) && wire::is_clean_target(target.c_str())) return {};
  return fail(
      Code::kInvalidArgument,
      fmt::format(
          "sandbox: mount target '{}' must be an absolute path of at most {} bytes without '.', '..' or empty parts",
          target, wire::kTargetBytes - 1));
}

Result<> check_source(const std::string& source) {
  if (!source.empty() && source[0] == '/' && !has_nul(source)) return {};
  return fail(Code::kInvalidArgument,
              fmt::format("sandbox: mount source '{}' must be an absolute path on the host", source));
}

Result<> check_overlay(const OverlayPlan& overlay) {
  if (overlay.lowerdirs.empty() || overlay.lowerdirs.size() > limits::kLowerLayers) {
    return fail(Code::kInvalidArgument, fmt::format("sandbox: overlay on {} has {} lower folders; 1 to {} are possible",
                                                    overlay.target, overlay.lowerdirs.size(), limits::kLowerLayers));
  }
  for (const std::string& lower : overlay.lowerdirs) REMIT_CHECK_OK(check_source(lower));
  REMIT_CHECK_OK(check_source(overlay.upperdir));
  REMIT_CHECK_OK(check_source(overlay.workdir));
  return check_target(overlay.target);
}

Result<> check_mounts(const MountPlan& plan) {
  if (plan.tmpfs.size() + plan.overlays.size() + plan.binds.size() > limits::kMounts) {
    return fail(Code::kResourceExhausted, fmt::format("sandbox: more than {} mounts", limits::kMounts));
  }
  for (const TmpfsMount& tmpfs : plan.tmpfs) {
    REMIT_CHECK_OK(check_target(tmpfs.target));
    if (tmpfs.size_bytes == 0 || tmpfs.inodes == 0) {
      return fail(Code::kInvalidArgument,
                  fmt::format("sandbox: tmpfs on {} needs a size and a number of inodes above 0", tmpfs.target));
    }
  }
  for (const OverlayPlan& overlay : plan.overlays) REMIT_CHECK_OK(check_overlay(overlay));
  for (const ReadOnlyBind& bind : plan.binds) {
    REMIT_CHECK_OK(check_source(bind.source));
    REMIT_CHECK_OK(check_target(bind.target));
  }
  return {};
}

std::size_t text_bytes(const Spec& spec) {
  std::size_t total = spec.cwd.size();
  const auto add = [&total](const std::string& text) { total += text.size() + 8; };
  for (const std::string& word : spec.argv) add(word);
  for (const std::string& word : spec.env) add(word);
  for (const TmpfsMount& tmpfs : spec.mounts.tmpfs) add(tmpfs.target);
  for (const OverlayPlan& overlay : spec.mounts.overlays) {
    for (const std::string& lower : overlay.lowerdirs) add(lower);
    total += overlay.upperdir.size() + overlay.workdir.size() + overlay.target.size() + 32;
  }
  for (const ReadOnlyBind& bind : spec.mounts.binds) total += bind.source.size() + bind.target.size() + 16;
  return total;
}

Result<> check_words(const Spec& spec) {
  if (spec.argv.empty() || spec.argv[0].empty()) return fail(Code::kInvalidArgument, "sandbox: argv is empty");
  if (spec.argv.size() + spec.env.size() + 8 > limits::kArguments) {
    return fail(Code::kResourceExhausted,
                fmt::format("sandbox: more than {} arguments and environment entries", limits::kArguments));
  }
  for (const std::string& word : spec.argv) {
    if (has_nul(word)) return fail(Code::kInvalidArgument, "sandbox: an argument holds a NUL byte");
  }
  for (const std::string& word : spec.env) {
    if (has_nul(word) || word.find('=') == std::string::npos || word[0] == '=') {
      return fail(Code::kInvalidArgument, "sandbox: an environment entry is not NAME=value");
    }
  }
  if (spec.cwd.empty() || spec.cwd[0] != '/' || has_nul(spec.cwd)) {
    return fail(Code::kInvalidArgument,
                fmt::format("sandbox: cwd '{}' must be an absolute path inside the sandbox", spec.cwd));
  }
  if (text_bytes(spec) > limits::kArgumentBytes) {
    return fail(Code::kResourceExhausted, fmt::format("sandbox: arguments, environment and paths take {} bytes; {} are "
                                                      "possible (kArgumentBytes). Pass long input on stdin",
                                                      text_bytes(spec), limits::kArgumentBytes));
  }
  return {};
}

Result<> check_limits(const Limits& wanted) {
  if (wanted.pids == 0 || wanted.pids > limits::kMostPids) {
    return fail(Code::kInvalidArgument,
                fmt::format("sandbox: pids is {}; 1 to {} are possible", wanted.pids, limits::kMostPids));
  }
  if (wanted.memory_bytes < (1u << 20))
    return fail(Code::kInvalidArgument, "sandbox: memory below 1 MiB holds no process");
  if (wanted.open_files < 8) return fail(Code::kInvalidArgument, "sandbox: open_files must be at least 8");
  if (wanted.output_bytes > limits::kMostOutputBytes) {
    return fail(Code::kInvalidArgument,
                fmt::format("sandbox: output_bytes may be at most {}", limits::kMostOutputBytes));
  }
  if (wanted.wall_time.count() <= 0 || wanted.cpu_time.count() < 0 || wanted.grace.count() < 0) {
    return fail(Code::kInvalidArgument, "sandbox: wall_time must be above 0, cpu_time and grace not below");
  }
  return {};
}

}  // namespace

Result<> validate(const Spec& spec) {
  REMIT_CHECK_OK(check_words(spec));
  REMIT_CHECK_OK(check_limits(spec.limits));
  REMIT_CHECK_OK(check_mounts(spec.mounts));
  if (spec.stdin_bytes.size() > limits::kStdinBytes) {
    return fail(Code::kResourceExhausted, fmt::format("sandbox: stdin has {} bytes; {} are possible",
                                                      spec.stdin_bytes.size(), limits::kStdinBytes));
  }
  if (spec.fds.size() > limits::kInheritedFds) {
    return fail(Code::kResourceExhausted,
                fmt::format("sandbox: more than {} inherited descriptors", limits::kInheritedFds));
  }
  std::set<int> numbers;
  for (const InheritedFd& fd : spec.fds) {
    if (fd.host_fd < 0 || fd.number < 0 || fd.number > limits::kHighestInheritedFd ||
        !numbers.insert(fd.number).second) {
      return fail(Code::kInvalidArgument,
                  fmt::format("sandbox: inherited descriptor {} as number {}: numbers are 0 to {}, each once",
                              fd.host_fd, fd.number, limits::kHighestInheritedFd));
    }
  }
  return {};
}

}  // namespace remit::sandbox

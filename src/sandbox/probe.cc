#include "sandbox/probe.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "sandbox/launcher.h"
#include "sandbox/tier/hub.h"

namespace remit::sandbox {

namespace {

namespace fs = std::filesystem;

// A folder of our own that goes when we do.
class Scratch {
 public:
  Scratch() {
    char name[] = "/tmp/remit-probe-XXXXXX";
    if (::mkdtemp(name) != nullptr) path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    if (path_.empty()) return;
    std::error_code ignored;
    // Overlayfs makes these folders of its work folder unreadable, even for their owner.
    for (const char* name : {"/work/work", "/work/work/incompat", "/work/work/incompat/volatile"}) {
      fs::permissions(path_ + name, fs::perms(0700), ignored);
    }
    fs::remove_all(path_, ignored);
  }
  std::string folder(const char* name) const {
    const std::string path = path_ + "/" + name;
    ::mkdir(path.c_str(), 0755);
    return path;
  }

 private:
  std::string path_;
};

Spec trial(LimitsMode mode) {
  Spec spec;
  spec.argv = {"/bin/sh", "-c", "exit 0"};
  spec.limits.mode = mode;
  spec.limits.wall_time = std::chrono::seconds(10);
  return spec;
}

OverlayPlan overlay_in(const Scratch& scratch) {
  OverlayPlan overlay;
  overlay.lowerdirs = {scratch.folder("lower")};
  overlay.upperdir = scratch.folder("upper");
  overlay.workdir = scratch.folder("work");
  overlay.userxattr = ::geteuid() != 0;
  return overlay;
}

// "" when the command ran and ended well.
Task<std::string> run_trial(Launcher* launcher, Spec spec) {
  auto process = co_await launcher->start(std::move(spec));
  if (!process) co_return process.error().to_string();
  const ExitReport report = co_await (*process)->wait();
  co_return report.ended_by == EndedBy::kExit&& report.exit_code == 0
      ? ""
      : fmt::format("a trial command ended by {} {}", to_string(report.ended_by), report.detail);
}

std::string find_runsc() {
  for (const char* path : {"/usr/local/bin/runsc", "/usr/bin/runsc", "/bin/runsc"}) {
    if (::access(path, X_OK) == 0) return path;
  }
  return "";
}

void fill_other_tiers(HostReport& host) {
  host.kvm_present = ::access("/dev/kvm", R_OK | W_OK) == 0;
  host.runsc_path = find_runsc();
  host.gvisor.reason = fmt::format("not in this version of Remit (runsc {})",
                                   host.runsc_path.empty() ? "is not installed" : "is installed: " + host.runsc_path);
  host.microvm.reason =
      fmt::format("not in this version of Remit (/dev/kvm {})", host.kvm_present ? "can be used" : "cannot be used");
}

}  // namespace

const TierStatus& HostReport::status(Tier tier) const {
  return tier == Tier::kProcess ? process : tier == Tier::kGVisor ? gvisor : microvm;
}

Task<HostReport> probe() {
  HostReport host;
  host.is_root = ::geteuid() == 0;
  fill_other_tiers(host);
  // Its own name: whoever else probes at the same time removes what is theirs only.
  const std::string instance = fmt::format("probe-{}", ::getpid());
  auto hub = co_await Hub::open(instance);
  if (!hub) {
    host.process.reason = hub.error().to_string();
    co_return host;
  }
  const CgroupBases bases = (*hub)->bases();
  (*hub)->close();
  host.cgroup_version = bases.version;
  if (bases.bounds_memory()) host.enforced_limits.emplace_back("memory");
  if (bases.bounds_pids()) host.enforced_limits.emplace_back("pids");
  if (bases.bounds_cpu()) host.enforced_limits.emplace_back("cpu");
  host.enforces_limits = bases.bounds_memory() && bases.bounds_pids();
  auto launcher = co_await open_process_launcher({instance});
  if (!launcher) {
    host.process.reason = launcher.error().to_string();
    co_return host;
  }
  const LimitsMode mode = host.enforces_limits ? LimitsMode::kEnforced : LimitsMode::kBestEffort;
  const std::string plain = co_await run_trial(launcher->get(), trial(mode));
  host.process.available = plain.empty();
  // A sandbox that ran had its namespaces and its filter: it does not start without them.
  host.user_namespaces = host.seccomp = plain.empty();
  host.process.reason = !plain.empty() ? plain
                        : host.enforces_limits
                            ? fmt::format("namespaces, seccomp and cgroup {}", bases.version)
                            : fmt::format(
                                  "namespaces and seccomp; no cgroup of cgroup {} for this user, so missions must say "
                                  "isolation.limits: BestEffort",
                                  bases.version);
  if (!host.process.available) co_return host;
  const Scratch scratch;
  Spec with_overlay = trial(mode);
  with_overlay.mounts.overlays.push_back(overlay_in(scratch));
  host.overlay = (co_await run_trial(launcher->get(), std::move(with_overlay))).empty();
  co_return host;
}

Result<> check_limits(const HostReport& host, LimitsMode mode) {
  if (mode == LimitsMode::kBestEffort || host.enforces_limits) return {};
  return fail(Code::kFailedPrecondition,
              fmt::format("isolation: this user gets no cgroup here (cgroup {}) that could bound memory and pids. Run "
                          "Remit as root or in a delegated cgroup (systemd-run --user --scope -p Delegate=yes), or let "
                          "the mission say isolation.limits: BestEffort; `remit doctor` tells more",
                          host.cgroup_version));
}

Result<Tier> choose_tier(const HostReport& host, Tier minimum) {
  for (const Tier tier : {Tier::kProcess, Tier::kGVisor, Tier::kMicroVm}) {
    if (tier >= minimum && host.status(tier).available) return tier;
  }
  return fail(Code::kFailedPrecondition, fmt::format("isolation: this host has no tier {} or stronger: {}. Isolation "
                                                     "is never lowered by itself; the mission may ask for "
                                                     "isolation.minimumTier: Process by name",
                                                     to_string(minimum), host.status(minimum).reason));
}

}  // namespace remit::sandbox

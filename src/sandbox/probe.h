// probe(): what this host can do, found by trying; for `remit doctor` and for refusing a mission whose tier is not
// there.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "sandbox/spec.h"

namespace remit::sandbox {

struct TierStatus {
  bool available = false;
  std::string reason;  // Why not, or what it stands on; one sentence for people.
};

struct HostReport {
  bool is_root = false;
  bool user_namespaces = false;
  bool overlay = false;  // Overlay mounts as this user.
  bool seccomp = false;
  std::string cgroup_version;                // "v2", "v1", "hybrid" or "none".
  std::vector<std::string> enforced_limits;  // Of "memory", "pids", "cpu": those a cgroup enforces here.
  bool enforces_limits = false;              // memory and pids are among them: LimitsMode::kEnforced works.
  bool kvm_present = false;
  std::string runsc_path;  // "" when there is none.
  TierStatus process;
  TierStatus gvisor;
  TierStatus microvm;

  const TierStatus& status(Tier tier) const;
};

Task<HostReport> probe();

// The weakest tier of this version that is at least `minimum`; kFailedPrecondition with the reason when this host has
// none. Never lower.
Result<Tier> choose_tier(const HostReport& host, Tier minimum);
// kFailedPrecondition, with what to do, when the mission wants limits enforced and this user cannot on this host.
Result<> check_limits(const HostReport& host, LimitsMode mode);

}  // namespace remit::sandbox

#include "cli/doctor_command.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/exit_code.h"
#include "sandbox/probe.h"

namespace remit::cli {

namespace {

Task<Result<int>> doctor(Session& session) {
  const auto host = co_await sandbox::probe();
  if (session.flags().output != OutputFormat::kText) {
    const auto tier = [](const sandbox::TierStatus& status) {
      return json::object{{"available", status.available}, {"reason", status.reason}};
    };
    json::array limits;
    for (const auto& limit : host.enforced_limits) limits.push_back(json::value(limit));
    print_object(
        json::object{
            {"root", host.is_root},
            {"userNamespaces", host.user_namespaces},
            {"overlay", host.overlay},
            {"seccomp", host.seccomp},
            {"cgroup", host.cgroup_version},
            {"enforcedLimits", std::move(limits)},
            {"tiers",
             {{"Process", tier(host.process)}, {"GVisor", tier(host.gvisor)}, {"MicroVM", tier(host.microvm)}}}},
        session.flags().output);
    co_return host.process.available ? kOk : kRefused;
  }
  const auto yes = [](bool value) { return value ? "yes" : "no"; };
  fmt::print("data         {}\n", printable(session.folder().path()));
  fmt::print("user         {}\n", host.is_root ? "root" : "ordinary");
  fmt::print("namespaces   {}\n", yes(host.user_namespaces));
  fmt::print("overlay      {}\n", yes(host.overlay));
  fmt::print("seccomp      {}\n", yes(host.seccomp));
  fmt::print("cgroups      {}; limits that hold: {}\n", host.cgroup_version,
             host.enforced_limits.empty() ? "none" : join(host.enforced_limits, ", "));
  if (!host.enforces_limits) {
    fmt::print(
        "             memory and pids cannot be limited here for this user: a mission must say isolation.limits: "
        "BestEffort. As root, or with a\n"
        "             cgroup v2 subtree delegated to you (systemd: Delegate=yes), they can.\n");
  }
  const auto tier = [](const char* name, const sandbox::TierStatus& status) {
    fmt::print("tier {:<8}{}{}\n", name, status.available ? "ready" : "not available",
               status.reason.empty() ? "" : ": " + status.reason);
  };
  tier("Process", host.process);
  tier("GVisor", host.gvisor);
  tier("MicroVM", host.microvm);
  co_return host.process.available ? kOk : kRefused;
}

}  // namespace

int doctor_command(const CommonFlags& flags) {
  return in_session(flags, [](Session& session) { return doctor(session); });
}

}  // namespace remit::cli

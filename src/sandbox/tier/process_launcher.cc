// The Process tier behind the Launcher interface.
#include "sandbox/cgroup/bases.h"
#include "sandbox/launcher.h"
#include "sandbox/tier/hub.h"
#include "sandbox/tier/running.h"

namespace remit::sandbox {

namespace {

class ProcessHandle final : public Process {
 public:
  explicit ProcessHandle(std::shared_ptr<Running> running) : running_(std::move(running)) {}
  ~ProcessHandle() override { running_->kill(EndedBy::kCancelled, true); }

  Task<std::optional<Output>> next_output() override { return Running::next_output(running_); }
  Task<ExitReport> wait() override { return Running::wait(running_); }
  void kill(EndedBy why) override { running_->kill(why, false); }
  Task<Result<asio::ip::tcp::socket>> accept_bridge() override { return accept(running_->bridge()); }

 private:
  static Task<Result<asio::ip::tcp::socket>> accept(std::shared_ptr<BridgeSocket> bridge) {
    if (!bridge) co_return fail(Code::kFailedPrecondition, "sandbox: its Spec names no bridge_port");
    co_return co_await BridgeSocket::accept(bridge);
  }

  std::shared_ptr<Running> running_;
};

Result<> check_host(const CgroupBases& bases, const Limits& limits) {
  if (limits.mode == LimitsMode::kBestEffort) return {};
  std::string missing;
  if (!bases.bounds_memory()) missing += " memory";
  if (!bases.bounds_pids()) missing += " pids";
  if (limits.cpu_percent > 0 && !bases.bounds_cpu()) missing += " cpu";
  if (missing.empty()) return {};
  return fail(
      Code::kFailedPrecondition,
      fmt::format("sandbox: this user gets no cgroup here (cgroup {}) that could bound:{}. Run Remit as root or in a "
                  "delegated cgroup "
                  "(systemd-run --user --scope -p Delegate=yes), or let the mission say isolation.limits: BestEffort",
                  bases.version, missing));
}

class ProcessLauncher final : public Launcher {
 public:
  explicit ProcessLauncher(std::shared_ptr<Hub> hub) : hub_(std::move(hub)) {}
  ~ProcessLauncher() override { hub_->close(); }

  Tier tier() const override { return Tier::kProcess; }
  std::size_t live() const override { return hub_->live(); }
  Task<Result<std::unique_ptr<Process>>> start(Spec spec) override { return start_on(hub_, std::move(spec)); }

 private:
  static Task<Result<std::unique_ptr<Process>>> start_on(std::shared_ptr<Hub> hub, Spec spec) {
    REMIT_CO_CHECK_OK(validate(spec));
    REMIT_CO_CHECK_OK(check_host(hub->bases(), spec.limits));
    // The handle exists first: a caller that goes away while the sandbox is made takes the sandbox along.
    auto running = std::make_shared<Running>(std::move(hub), std::move(spec));
    auto handle = std::make_unique<ProcessHandle>(running);
    REMIT_CO_CHECK_OK(co_await Running::start(running));
    co_return handle;
  }

  std::shared_ptr<Hub> hub_;
};

}  // namespace

Task<Result<std::unique_ptr<Launcher>>> open_process_launcher(ProcessTierOptions options) {
  if (!is_valid_instance(options.instance)) {
    co_return fail(
        Code::kInvalidArgument,
        fmt::format("sandbox: instance '{}' must be 1 to 64 lower-case letters, digits and '-'", options.instance));
  }
  REMIT_CO_TRY(std::shared_ptr<Hub> hub, co_await Hub::open(options.instance));
  co_return std::make_unique<ProcessLauncher>(std::move(hub));
}

}  // namespace remit::sandbox

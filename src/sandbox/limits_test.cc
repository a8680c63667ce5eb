// What a command can do to exhaust the machine, and what happens to it instead.
#include <fstream>

#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;
using Seconds = std::chrono::duration<double>;

class LimitsTest : public testing::SandboxTest {
 protected:
  // Wall time of this test's work, for those that must end soon.
  double seconds_since_start() const { return Seconds(std::chrono::steady_clock::now() - start_).count(); }
  static bool has_cgroups() { return mode() == LimitsMode::kEnforced; }

  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  }
  return 0;
}

TEST_F(LimitsTest, EndsACommandThatNeverReturns) {
  Spec spec = command({"sleep", "1000"});
  spec.limits.wall_time = std::chrono::milliseconds(200);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kTimeout) << outcome.report.detail;
  EXPECT_EQ(outcome.report.signal, SIGTERM);
  EXPECT_LT(seconds_since_start(), 5.0);
}

TEST_F(LimitsTest, KillsACommandThatIgnoresSigterm) {
  Spec spec = shell("trap '' TERM; echo ready; while :; do sleep 1000; done");
  spec.limits.wall_time = std::chrono::milliseconds(300);
  spec.limits.grace = std::chrono::milliseconds(200);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.out, "ready\n");
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kTimeout);
  EXPECT_LT(seconds_since_start(), 5.0);
}

TEST_F(LimitsTest, LetsACommandEndItselfInItsGrace) {
  Spec spec = shell("trap 'echo saved; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
  spec.limits.wall_time = std::chrono::milliseconds(300);
  spec.limits.grace = std::chrono::seconds(10);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_THAT(outcome.out, HasSubstr("saved"));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kTimeout);
  EXPECT_EQ(outcome.report.exit_code, 3);
}

TEST_F(LimitsTest, DropsTenGigabytesOfOutputWithoutGrowing) {
  Spec spec = shell("head -c 10G /dev/zero; echo end >&2");
  spec.limits.output_bytes = 100'000;
  spec.limits.wall_time = std::chrono::seconds(120);
  const std::size_t before = resident_kib();
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kExit) << outcome.report.detail;
  EXPECT_EQ(outcome.out.size(), 100'000u);
  EXPECT_EQ(outcome.report.truncated_stdout_bytes, (10ull << 30) - 100'000);
  EXPECT_EQ(outcome.err, "end\n");
  EXPECT_LT(resident_kib(), before + 32 * 1024);
}

TEST_F(LimitsTest, NeverBlocksACommandThatNobodyReads) {
  Spec spec = shell("head -c 5000000 /dev/zero; exit 4");
  auto unread = [](Launcher* launcher, Spec wanted) -> Task<ExitReport> {
    auto process = co_await launcher->start(std::move(wanted));
    co_return process ? co_await (*process)->wait() : ExitReport{};
  };
  const ExitReport report = testing::run(io_, unread(launcher_.get(), std::move(spec)));
  EXPECT_EQ(report.exit_code, 4);
  EXPECT_EQ(report.truncated_stdout_bytes, 5'000'000u - (1u << 20));
}

TEST_F(LimitsTest, StopsAForkBomb) {
  Spec spec = shell("bomb() { bomb | bomb & }; bomb; sleep 1000");
  spec.limits.pids = 64;
  spec.limits.wall_time = std::chrono::seconds(1);
  spec.limits.grace = std::chrono::milliseconds(50);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_NE(outcome.report.ended_by, EndedBy::kExit) << outcome.report.exit_code;
  if (has_cgroups()) {
    EXPECT_EQ(outcome.report.ended_by, EndedBy::kPids) << outcome.report.detail;
    EXPECT_GT(outcome.report.refused_forks, 0u);
  }
  EXPECT_LT(seconds_since_start(), 10.0);
}

TEST_F(LimitsTest, BoundsProcessesAndThreads) {
  Spec spec = python(R"(
import os
made = 0
try:
    while made < 300:
        if os.fork() == 0:
            import time; time.sleep(100)
        made += 1
except BlockingIOError:
    pass
print(made))");
  spec.limits.pids = 20;
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.out, "19\n") << outcome.err;
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kExit) << "a limit that the command got over is not its end";
}

TEST_F(LimitsTest, EndsAMemoryBomb) {
  Spec spec = python("x = []\nwhile True: x.append(bytearray(1 << 20))");
  spec.limits.memory_bytes = 64u << 20;
  const Outcome outcome = run_spec(std::move(spec));
  if (has_cgroups()) {
    EXPECT_EQ(outcome.report.ended_by, EndedBy::kOom) << outcome.report.detail;
    EXPECT_GT(outcome.report.oom_kills, 0u);
    EXPECT_LE(outcome.report.peak_memory_bytes, 65u << 20);
  } else {
    EXPECT_THAT(outcome.err, HasSubstr("MemoryError"));
  }
}

TEST_F(LimitsTest, CountsTmpfsAgainstMemory) {
  if (!has_cgroups()) GTEST_SKIP() << "needs a memory cgroup";
  Spec spec = shell("head -c 200M /dev/zero > /tmp/big");
  spec.mounts.tmpfs[0].size_bytes = 1u << 30;
  spec.limits.memory_bytes = 32u << 20;
  EXPECT_EQ(run_spec(std::move(spec)).report.ended_by, EndedBy::kOom);
}

TEST_F(LimitsTest, FillsTheDiskOnlyToItsQuota) {
  Spec spec = shell("head -c 100M /dev/zero > /tmp/big");
  spec.mounts.tmpfs[0].size_bytes = 4u << 20;
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kQuota) << outcome.report.detail;
}

TEST_F(LimitsTest, FillsInodesOnlyToTheirQuota) {
  Spec spec = shell("cd /tmp; for i in $(seq 1 1000); do : > f$i || exit 1; done");
  spec.mounts.tmpfs[0].inodes = 50;
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kQuota);
}

TEST_F(LimitsTest, BoundsOneFile) {
  Spec spec = command({"head", "-c", "10M", "/dev/zero"});
  spec.argv = {"sh", "-c", "exec head -c 10M /dev/zero > /tmp/big"};
  spec.limits.file_bytes = 1u << 20;
  EXPECT_EQ(run_spec(std::move(spec)).report.ended_by, EndedBy::kQuota);
}

TEST_F(LimitsTest, BoundsOpenFiles) {
  Spec spec = python(
      "import os\nn = 0\ntry:\n  while True: os.open('/dev/null', 0); n += 1\nexcept OSError as e: print(n, e.errno)");
  spec.limits.open_files = 32;
  EXPECT_EQ(run_spec(std::move(spec)).out, "29 24\n");
}

TEST_F(LimitsTest, BoundsCpuTime) {
  Spec spec = shell("while :; do :; done");
  spec.limits.cpu_time = std::chrono::seconds(1);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kTimeout) << outcome.report.detail;
}

TEST_F(LimitsTest, BoundsCpuShare) {
  if (!has_cgroups()) GTEST_SKIP() << "needs a cpu cgroup";
  Spec spec = shell("while :; do :; done");
  spec.limits.cpu_percent = 20;
  spec.limits.wall_time = std::chrono::seconds(1);
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_LT(outcome.report.cpu_us, 500'000);
}

TEST_F(LimitsTest, DoesNotWaitForDaemonsThatHoldThePipe) {
  const Outcome outcome = run_spec(shell("(setsid sleep 1000 &) ; echo done"));
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kExit);
  EXPECT_LT(seconds_since_start(), 5.0);
}

TEST_F(LimitsTest, LeavesNoCoreDump) {
  const Outcome outcome = run_spec(shell("cd /tmp; ulimit -c; kill -ABRT $$"));
  EXPECT_EQ(outcome.out, "0\n");
  EXPECT_EQ(outcome.report.signal, SIGABRT);
}

TEST_F(LimitsTest, RefusesMoreThanItsSandboxes) {
  std::vector<std::unique_ptr<Process>> live;
  auto start = [](Launcher* launcher, Spec spec) -> Task<Result<std::unique_ptr<Process>>> {
    co_return co_await launcher->start(std::move(spec));
  };
  for (std::size_t i = 0; i < limits::kLiveSandboxes; ++i) {
    auto process = testing::run(io_, start(launcher_.get(), command({"sleep", "1000"})));
    ASSERT_TRUE(process) << i << ": " << process.error().to_string();
    live.push_back(std::move(*process));
  }
  auto refused = testing::run(io_, start(launcher_.get(), command({"true"})));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace remit::sandbox

// What is left behind: nothing, however it ends.
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "sandbox/probe.h"
#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Outcome;
using LifecycleTest = testing::SandboxTest;

std::size_t mounts_now() {
  std::ifstream file("/proc/self/mountinfo");
  return static_cast<std::size_t>(std::count(std::istreambuf_iterator<char>(file), {}, '\n'));
}

// Adds the folders under `folder` with `part` in their path. Others make and remove cgroups meanwhile: a folder that
// vanishes ends its own listing, not the whole walk, as it would with a recursive iterator.
void collect_folders(const fs::path& folder, const std::string& part, std::vector<std::string>& found) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::error_code gone;
    if (at->is_symlink(gone) || !at->is_directory(gone)) continue;
    if (at->path().string().find(part) != std::string::npos) found.push_back(at->path());
    collect_folders(at->path(), part, found);
  }
}

// Folders of cgroups with `part` in their path.
std::vector<std::string> cgroups_named(const std::string& part) {
  std::vector<std::string> found;
  collect_folders("/sys/fs/cgroup", part, found);
  return found;
}

// Processes whose command line holds `text`.
std::size_t processes_with(const std::string& text) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    if (entry.path().filename().string().find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream file(entry.path() / "cmdline");
    const std::string line((std::istreambuf_iterator<char>(file)), {});
    count += line.find(text) != std::string::npos;
  }
  return count;
}

bool becomes_zero(const std::function<std::size_t()>& count) {
  for (int i = 0; i < 300; ++i) {
    if (count() == 0) return true;
    ::usleep(10'000);
  }
  return false;
}

TEST_F(LifecycleTest, TwoHundredSandboxesLeaveNothing) {
  (void)run_spec(command({"true"}));
  const std::size_t mounts = mounts_now();
  const std::size_t cgroups = cgroups_named("remit." + instance()).size();
  const auto descriptors = [] {
    return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator{});
  };
  const auto before = descriptors();
  for (int i = 0; i < 200; ++i) {
    const Outcome outcome = run_spec(shell("sleep 1000 & echo x"));
    ASSERT_EQ(outcome.out, "x\n") << i;
    ASSERT_EQ(cgroups_named("remit." + instance()).size(), cgroups) << "after wait() the leaf is gone";
  }
  EXPECT_EQ(mounts_now(), mounts);
  EXPECT_EQ(descriptors(), before);
  EXPECT_EQ(launcher_->live(), 0u);
}

TEST_F(LifecycleTest, ClosingTheLauncherRemovesItsCgroups) {
  (void)run_spec(command({"true"}));
  TearDown();
  EXPECT_TRUE(cgroups_named("remit." + instance()).empty());
}

TEST_F(LifecycleTest, DestroyingAProcessKillsIt) {
  auto start = [](Launcher* launcher, Spec spec) -> Task<bool> {
    auto process = co_await launcher->start(std::move(spec));
    co_return process.has_value();
  };
  const std::string mark = std::to_string(700'000 + ::getpid());
  EXPECT_TRUE(testing::run(io_, start(launcher_.get(), command({"sleep", mark}))));
  io_.restart();
  while (launcher_->live() > 0 && io_.run_one() > 0) {
  }
  EXPECT_EQ(processes_with("sleep" + std::string(1, '\0') + mark), 0u);
}

TEST_F(LifecycleTest, KillSaysWhy) {
  auto killed = [](Launcher* launcher, Spec spec, EndedBy why) -> Task<ExitReport> {
    auto process = co_await launcher->start(std::move(spec));
    if (!process) co_return ExitReport{};
    (*process)->kill(why);
    (*process)->kill(EndedBy::kTimeout);  // The first reason stands.
    co_return co_await (*process)->wait();
  };
  const ExitReport report = testing::run(io_, killed(launcher_.get(), command({"sleep", "1000"}), EndedBy::kPolicy));
  EXPECT_EQ(report.ended_by, EndedBy::kPolicy);
  EXPECT_EQ(report.signal, SIGTERM);
}

// A program of its own plays the daemon, so that it can be killed.
pid_t start_daemon(const std::string& instance, const std::string& mark) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  asio::io_context io;
  auto launcher = testing::run(io, open_process_launcher({instance}));
  if (!launcher) ::_exit(1);
  Spec spec;
  spec.argv = {"sh", "-c", "for i in 1 2 3; do setsid sleep " + mark + " & done; trap '' TERM; sleep " + mark};
  spec.limits.mode = ::geteuid() == 0 ? LimitsMode::kEnforced : LimitsMode::kBestEffort;
  (void)testing::run(io, testing::outcome_of(launcher->get(), std::move(spec)));
  ::_exit(0);
}

bool appears(const std::string& mark) {
  for (int i = 0; i < 500; ++i) {
    if (processes_with("sleep" + std::string(1, '\0') + mark) >= 4) return true;
    ::usleep(10'000);
  }
  return false;
}

TEST_F(LifecycleTest, NothingOutlivesADaemonKilledWithNine) {
  const std::string name = instance() + "-daemon";
  const std::string mark = std::to_string(800'000 + ::getpid());
  const pid_t daemon = start_daemon(name, mark);
  ASSERT_TRUE(appears(mark));
  ::kill(daemon, SIGKILL);
  ::waitpid(daemon, nullptr, 0);
  EXPECT_TRUE(becomes_zero([&] { return processes_with("sleep" + std::string(1, '\0') + mark); }));
  EXPECT_TRUE(becomes_zero([&] { return cgroups_named("remit." + name).size(); }))
      << "the spawner cleans up behind its daemon";
}

TEST_F(LifecycleTest, NothingOutlivesASpawnerKilledWithNine) {
  const std::string name = instance() + "-spawner";
  const std::string mark = std::to_string(900'000 + ::getpid());
  const pid_t daemon = start_daemon(name, mark);
  ASSERT_TRUE(appears(mark));
  auto children = read_file(fmt::format("/proc/{0}/task/{0}/children", daemon), 4096);
  ASSERT_TRUE(children && !children->empty()) << "the kernel lists no children";
  ::kill(static_cast<pid_t>(std::stol(*children)), SIGKILL);
  EXPECT_TRUE(becomes_zero([&] { return processes_with("sleep" + std::string(1, '\0') + mark); }));
  ::waitpid(daemon, nullptr, 0);
  // Its cgroups have no one to remove them; the next start of the instance does.
  auto swept = sweep_leftovers(name);
  ASSERT_TRUE(swept) << swept.error().to_string();
  EXPECT_TRUE(cgroups_named("remit." + name).empty());
}

TEST_F(LifecycleTest, SweepKillsWhatStillLives) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs a writable cgroup";
  const std::string name = instance() + "-left";
  const std::string folder = "/sys/fs/cgroup/pids/remit." + name;
  std::error_code error;
  if (!fs::create_directories(folder + "/1-1/7", error)) GTEST_SKIP() << "no version 1 pids hierarchy";
  const pid_t left = ::fork();
  if (left == 0) {
    for (;;) ::pause();
  }
  std::ofstream(folder + "/1-1/7/cgroup.procs") << left << std::flush;
  // Its parent must reap it for the folder to empty.
  ::signal(SIGCHLD, SIG_IGN);
  auto swept = sweep_leftovers(name);
  ::signal(SIGCHLD, SIG_DFL);
  ASSERT_TRUE(swept) << swept.error().to_string();
  EXPECT_EQ(swept->processes_killed, 1u);
  EXPECT_EQ(swept->cgroups_removed, 3u);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(LifecycleTest, ProbeTellsWhatIsHere) {
  const HostReport host = testing::run(io_, probe());
  EXPECT_TRUE(host.process.available) << host.process.reason;
  EXPECT_TRUE(host.overlay);
  EXPECT_FALSE(host.gvisor.available);
  EXPECT_THAT(host.gvisor.reason, HasSubstr("not in this version"));
  EXPECT_EQ(choose_tier(host, Tier::kProcess).value(), Tier::kProcess);
  const auto refused = choose_tier(host, Tier::kGVisor);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
}

TEST_F(LifecycleTest, AnOrdinaryUserWithoutCgroupIsRefusedUnlessItSaysBestEffort) {
  if (::geteuid() == 0) GTEST_SKIP() << "runs again as an ordinary user (OrdinaryUserTest)";
  const HostReport host = testing::run(io_, probe());
  if (host.enforces_limits) GTEST_SKIP() << "this user has a delegated cgroup";
  Spec spec = command({"true"});
  spec.limits.mode = LimitsMode::kEnforced;
  const Outcome outcome = run_spec(std::move(spec));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Code::kFailedPrecondition);
  EXPECT_THAT(outcome.error->message(), HasSubstr("BestEffort"));
}

// The whole program again as a user that nobody knows.
TEST(OrdinaryUserTest, PassesAllTests) {
  if (::geteuid() != 0) GTEST_SKIP() << "this is the ordinary user";
  const std::string copy = "/tmp/remit-sandbox-test-" + std::to_string(::getpid());
  fs::copy_file("/proc/self/exe", copy);
  fs::permissions(copy, fs::perms(0755));
  const int status = std::system(
      ("cd /tmp && setpriv --reuid 54321 --regid 54321 --clear-groups " + copy +
       " --gtest_brief=1 '--gtest_filter=ProcessTest.*:LimitsTest.*:EscapeTest.*:LifecycleTest.*:MountPlanTest.*:"
       "BridgeTest.*' >&2")
          .c_str());
  fs::remove(copy);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace remit::sandbox

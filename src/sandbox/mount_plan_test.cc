#include "sandbox/mount_plan.h"

#include <filesystem>
#include <fstream>

#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;

class MountPlanTest : public testing::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    root_ = "/tmp/remit-overlay-" + std::to_string(::getpid());
    for (const char* name : {"lower", "upper", "work"}) std::filesystem::create_directories(root_ + "/" + name);
    std::ofstream(root_ + "/lower/a.txt") << "from below";
    std::ofstream(root_ + "/lower/b.txt") << "to go";
  }
  void TearDown() override {
    SandboxTest::TearDown();
    std::error_code ignored;
    // The kernel makes these folders, and makes them unreadable.
    for (const char* name : {"/work/work", "/work/work/incompat", "/work/work/incompat/volatile"}) {
      std::filesystem::permissions(root_ + name, std::filesystem::perms(0700), ignored);
    }
    std::filesystem::remove_all(root_, ignored);
  }
  Spec in_workspace(std::string script, std::string target = "/work") {
    Spec spec = shell(std::move(script));
    spec.mounts.overlays.push_back({{root_ + "/lower"}, root_ + "/upper", root_ + "/work", target, true, true});
    spec.cwd = std::move(target);
    return spec;
  }
  std::string root_;
};

TEST_F(MountPlanTest, KeepsChangesApart) {
  const Outcome outcome = run_spec(in_workspace("cat a.txt; echo more >> a.txt; echo new > c.txt; rm b.txt; ls"));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_EQ(outcome.out, "from belowa.txt\nc.txt\n") << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(root_ + "/upper/c.txt"));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/lower/b.txt"));
  EXPECT_EQ(std::filesystem::file_size(root_ + "/lower/a.txt"), 10u);
}

TEST_F(MountPlanTest, MountsWhereTheUserKnowsIt) {
  const Outcome outcome =
      run_spec(in_workspace("pwd; cat a.txt; ls -A /home /home/someone; touch /home/x", "/home/someone/project"));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_THAT(outcome.out, HasSubstr("/home/someone/project\nfrom below"));
  EXPECT_THAT(outcome.err, HasSubstr("Read-only file system"));
  EXPECT_THAT(run_spec(shell("ls -A /home")).out, ::testing::Not(HasSubstr("someone")))
      << "the next sandbox learns nothing of it";
}

TEST_F(MountPlanTest, HidesTheHostPathsOfItsLayers) {
  const Outcome outcome = run_spec(in_workspace("cat /proc/self/mountinfo"));
  EXPECT_THAT(outcome.out, HasSubstr("overlay"));
  EXPECT_THAT(outcome.out, ::testing::Not(HasSubstr("remit-overlay")));
}

TEST_F(MountPlanTest, BindsReadOnly) {
  Spec spec = in_workspace("cat /mnt/check/a.txt; echo x > /mnt/check/a.txt; cat a.bind");
  spec.mounts.binds.push_back({root_ + "/lower", "/mnt/check"});
  spec.mounts.binds.push_back({root_ + "/lower/a.txt", "/work/a.bind"});
  const Outcome outcome = run_spec(std::move(spec));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_EQ(outcome.out, "from belowfrom below");
  EXPECT_THAT(outcome.err, HasSubstr("Read-only file system"));
}

TEST_F(MountPlanTest, RunsAsTheWorkspacesOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const char* name : {"/lower", "/upper", "/lower/a.txt"})
    ASSERT_EQ(::chown((root_ + name).c_str(), 54321, 54322), 0);
  const Outcome outcome = run_spec(in_workspace("echo x > mine; stat -c %u:%g mine a.txt"));
  EXPECT_EQ(outcome.out, "1000:1000\n1000:1000\n") << outcome.err;
}

}  // namespace
}  // namespace remit::sandbox

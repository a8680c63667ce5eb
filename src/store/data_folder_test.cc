#include "store/data_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"

namespace remit::store {
namespace {

using testing::HasSubstr;

class DataFolderTest : public testing::Test {
 protected:
  DataFolderTest() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-data-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
    path_ = root_ + "/state/remit";
  }
  ~DataFolderTest() override { std::filesystem::remove_all(root_); }

  std::string root_, path_;
};

TEST_F(DataFolderTest, DefaultPathFollowsTheEnvironment) {
  std::map<std::string, std::string> environment;
  const auto variable = [&](const char* name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  EXPECT_EQ(DataFolder::default_path(variable).error().code(), Code::kFailedPrecondition);
  environment["HOME"] = "/home/ada";
  EXPECT_EQ(DataFolder::default_path(variable).value(), "/home/ada/.local/state/remit");
  environment["XDG_STATE_HOME"] = "relative";
  EXPECT_EQ(DataFolder::default_path(variable).value(), "/home/ada/.local/state/remit");
  environment["XDG_STATE_HOME"] = "/var/state";
  EXPECT_EQ(DataFolder::default_path(variable).value(), "/var/state/remit");
  environment["REMIT_DATA"] = "/data";
  EXPECT_EQ(DataFolder::default_path(variable).value(), "/data");
}

TEST_F(DataFolderTest, IsPrivateAndKeepsItsRunsInOrder) {
  auto data = DataFolder::open(path_);
  ASSERT_TRUE(data) << data.error().to_string();
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  SimulatedClock clock;
  SeededRng rng(3);
  std::vector<Ulid> made;
  for (int i = 0; i < 3; ++i) {
    made.push_back(Ulid::make(clock, rng));
    clock.advance(std::chrono::seconds(1));
    ASSERT_TRUE(data->create_run(made.back()));
  }
  EXPECT_EQ(data->create_run(made[0]).error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(make_directories(data->runs_path() + "/not-a-run"));
  EXPECT_EQ(data->runs().value(), made);
  EXPECT_TRUE(DataFolder::open(path_ + "/"));
}

TEST_F(DataFolderTest, RunLocksAreIndependent) {
  auto data = DataFolder::open(path_);
  SimulatedClock clock;
  SeededRng rng(3);
  const Ulid one = Ulid::make(clock, rng), two = Ulid::make(clock, rng);
  ASSERT_TRUE(data->create_run(one));
  ASSERT_TRUE(data->create_run(two));
  EXPECT_EQ(data->run_pid(one).value(), std::nullopt);
  const auto lock = data->lock_run(one);
  ASSERT_TRUE(lock);
  EXPECT_EQ(data->run_pid(one).value(), ::getpid());
  EXPECT_THAT(data->lock_run(one).error().message(), HasSubstr(fmt::format("held by process {}", ::getpid())));
  EXPECT_TRUE(data->lock_run(two));
}

TEST_F(DataFolderTest, NewerLayoutIsRefusedAndDamageTold) {
  ASSERT_TRUE(DataFolder::open(path_));
  ASSERT_TRUE(write_file_atomic(path_ + "/VERSION", "2\n"));
  const auto newer = DataFolder::open(path_);
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), Code::kFailedPrecondition);
  EXPECT_THAT(newer.error().message(), HasSubstr("version 2"));
  ASSERT_TRUE(write_file_atomic(path_ + "/VERSION", "banana"));
  EXPECT_EQ(DataFolder::open(path_).error().code(), Code::kDataLoss);
}

TEST_F(DataFolderTest, OlderLayoutIsMigratedStepByStep) {
  ASSERT_TRUE(DataFolder::open(path_));
  int calls = 0;
  bool broken = true;
  const std::vector<DataFolder::Step> steps = {
      [&](const std::string& path) -> Result<> { return ++calls, write_file_atomic(path + "/first", "1"); },
      [&](const std::string& path) -> Result<> {
        if (broken) return fail(Code::kUnavailable, "no luck");
        return ++calls, write_file_atomic(path + "/second", "2");
      }};
  EXPECT_THAT(DataFolder::open(path_, steps).error().to_string(), HasSubstr("from layout 2 to 3"));
  broken = false;
  ASSERT_TRUE(DataFolder::open(path_, steps));
  EXPECT_EQ(calls, 2);
  ASSERT_TRUE(DataFolder::open(path_, steps));
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(read_file(path_ + "/VERSION", 10).value(), "3\n");
}

TEST_F(DataFolderTest, MigrationNeedsTheDaemonLock) {
  auto data = DataFolder::open(path_);
  const auto lock = data->lock_daemon();
  const std::vector<DataFolder::Step> steps = {[](const std::string&) -> Result<> { return {}; }};
  EXPECT_EQ(DataFolder::open(path_, steps).error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace remit::store

#include <gtest/gtest.h>

#include "sandbox/cgroup/hierarchies.h"
#include "sandbox/tier/encode_request.h"
#include "sandbox/tier/exit_report.h"
#include "sandbox/wire/reply.h"
#include "sandbox/wire/request.h"

namespace remit::sandbox {
namespace {

Spec full_spec() {
  Spec spec;
  spec.argv = {"sh", "-c", "echo"};
  spec.env = {"PATH=/bin", "A=b"};
  spec.mounts.overlays.push_back({{"/l1", "/l2"}, "/u", "/w", "/work", true, true});
  spec.mounts.binds.push_back({"/etc/hosts", "/mnt/hosts"});
  spec.identity = Identity{7, 8};
  return spec;
}

TEST(WireTest, CarriesASpecWhole) {
  std::vector<char> bytes(wire::kMessageBytes);
  const std::vector<int> numbers = {0, 1, 2};
  const std::size_t size = encode_start(9, full_spec(), numbers, bytes);
  auto start = std::make_unique<wire::Start>();
  ASSERT_TRUE(decode(bytes.data(), size, *start));
  EXPECT_EQ(start->id, 9u);
  EXPECT_EQ(start->argc, 3u);
  EXPECT_STREQ(start->argv[2], "echo");
  EXPECT_EQ(start->uid, 7u);
  EXPECT_STREQ(start->overlay[0].lower[1], "/l2");
  EXPECT_STREQ(start->bind[0].target, "/mnt/hosts");
  EXPECT_EQ(start->fd_count, 3u);
}

TEST(WireTest, RefusesEveryTruncationAndAnyRest) {
  std::vector<char> bytes(wire::kMessageBytes);
  const std::vector<int> numbers = {0, 1, 2};
  const std::size_t size = encode_start(9, full_spec(), numbers, bytes);
  auto start = std::make_unique<wire::Start>();
  for (std::size_t cut = 0; cut < size; ++cut) EXPECT_FALSE(decode(bytes.data(), cut, *start)) << cut;
  EXPECT_FALSE(decode(bytes.data(), size + 1, *start));
}

TEST(WireTest, RefusesTargetsThatClimb) {
  for (const char* bad : {"", "/", "work", "/a/../b", "/a//b", "/a/", "/./a", "/.."})
    EXPECT_FALSE(wire::is_clean_target(bad)) << bad;
  for (const char* good : {"/work", "/home/me/.config", "/a/..b"}) EXPECT_TRUE(wire::is_clean_target(good)) << good;
  EXPECT_FALSE(wire::is_clean_target(("/" + std::string(wire::kTargetBytes, 'a')).c_str()));
}

TEST(WireTest, DoesNotBelieveImpossibleReplies) {
  wire::Done done;
  done.status = 0x10000;
  char bytes[wire::kReplyBytes];
  EXPECT_FALSE(decode(bytes, encode(done, bytes, sizeof(bytes)), done));
  wire::Failed failed{1, 200, 2};
  EXPECT_FALSE(decode(bytes, encode(failed, bytes, sizeof(bytes)), failed));
  wire::Report report;
  EXPECT_FALSE(decode("short", 5, report));
}

TEST(HierarchiesTest, ReadsHybridV1AndContainerLayouts) {
  const auto hybrid = parse_hierarchies(
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "36 31 0:33 / /with\\040space rw - cgroup cgroup rw,cpu,cpuacct\n"
      "37 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /nowhere/unified rw shared:3 - cgroup2 cgroup2 rw\nbroken line\n",
      "4:memory:/not/there\n1:cpu,cpuacct:/\n0::/\n");
  ASSERT_EQ(hybrid.size(), 3u);
  EXPECT_EQ(hybrid[0].own_folder, "/sys/fs/cgroup/memory")
      << "a folder that cannot be seen falls back to the mount point";
  EXPECT_EQ(hybrid[1].mount_point, "/with space");
  EXPECT_TRUE(hybrid[1].has("cpuacct"));
  EXPECT_EQ(version_of(hybrid), "hybrid");
  EXPECT_EQ(version_of({}), "none");
}

TEST(ExitReportTest, NamesTheCauseThatCounts) {
  Limits limits;
  wire::Done done;
  done.has_status = true;
  done.status = 9;  // SIGKILL
  EXPECT_EQ(make_exit_report(done, limits, {}, EndedBy::kCancelled).ended_by, EndedBy::kSignal);
  done.oom_kills = 1;
  EXPECT_EQ(make_exit_report(done, limits, {}, EndedBy::kCancelled).ended_by, EndedBy::kOom);
  done.status = 0;
  EXPECT_EQ(make_exit_report(done, limits, {}, EndedBy::kCancelled).ended_by, EndedBy::kExit) << "it got over it";
  done.cause = static_cast<std::uint8_t>(wire::Cause::kKilled);
  EXPECT_EQ(make_exit_report(done, limits, {}, EndedBy::kPolicy).ended_by, EndedBy::kPolicy);
  wire::Done lost;
  EXPECT_EQ(make_exit_report(lost, limits, {}, EndedBy::kCancelled).ended_by, EndedBy::kInfrastructure);
}

}  // namespace
}  // namespace remit::sandbox

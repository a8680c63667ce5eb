// kill -9 at every step of a merge, a write, an accept and a discard; each is finished by doing it again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sandbox/workspace/test_support.h"

namespace remit::sandbox {
namespace {

using namespace testing;

constexpr int kMostSteps = 400;
constexpr int kKilled = 1000 + SIGKILL;

class CrashTest : public ::testing::Test {
 protected:
  struct Place {
    TempFolder temp;
    std::string folder = temp.path() + "/project";
    std::string run = temp.path() + "/run";
  };

  static std::unique_ptr<Place> fresh_place() {
    auto place = std::make_unique<Place>();
    put_file(place->folder + "/a.txt", "old");
    put_file(place->folder + "/d/one", "1");
    put_file(place->folder + "/d/two", "2");
    put_file(place->folder + "/d/sub/three", "3");
    put_file(place->folder + "/keep/.env", "secret");
    put_file(place->folder + "/keep/file", "f");
    put_file(place->folder + "/plain", "p");
    put_file(place->folder + "/tree/x", "x");
    return place;
  }

  static Workspace open(const Place& place, std::function<void(std::string_view)> hook = nullptr) {
    auto opened = Workspace::open(
        {.folder = place.folder, .run_folder = place.run, .hide = {".env"}, .step_hook = std::move(hook)});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(opened).value();
  }

  static constexpr const char* kScript =
      "echo new > a.txt; rm -r d; mkdir -p d/sub; echo 4 > d/sub/four; echo 1 > d/one; rm -r keep; rm plain; mkdir "
      "plain; echo q > plain/q;"
      "rm -r tree; echo now-a-file > tree; mkdir empty; ln -s a.txt link; mkdir -p n/m; echo n > n/m/o";

  // Runs `work` in a child that dies at its n-th step. True when it was killed.
  static bool killed_at(int n, const Place& place, const std::function<bool(Workspace&)>& work) {
    const int code = in_child([&] {
      int steps = 0;
      auto workspace = open(place, [&](std::string_view) {
        if (++steps == n) ::kill(::getpid(), SIGKILL);
      });
      return work(workspace) ? 0 : 1;
    });
    EXPECT_TRUE(code == 0 || code == kKilled) << "step " << n << ": " << code;
    return code == kKilled;
  }

  static std::vector<FileChange> run_script(const Place& place) {
    auto workspace = open(place);
    auto layer = workspace.begin_layer("call");
    EXPECT_TRUE(layer);
    EXPECT_EQ(run_in_layer(*layer, kScript), 0);
    return layer->changes().value();
  }

  static Tree wanted() {
    return {{"a.txt", "f644:new\n"},
            {"d", "d"},
            {"d/one", "f644:1\n"},
            {"d/sub", "d"},
            {"d/sub/four", "f644:4\n"},
            {"empty", "d"},
            {"link", "l:a.txt"},
            {"n", "d"},
            {"n/m", "d"},
            {"n/m/o", "f644:n\n"},
            {"plain", "d"},
            {"plain/q", "f644:q\n"},
            {"tree", "f644:now-a-file\n"}};
  }
};

TEST_F(CrashTest, MergeIsFinishedAfterAKillAtAnyStep) {
  int steps = 1;
  for (;; ++steps) {
    ASSERT_LT(steps, kMostSteps);
    SCOPED_TRACE(steps);
    auto place = fresh_place();
    const auto changes = run_script(*place);
    const bool killed = killed_at(
        steps, *place, [&](Workspace& workspace) { return workspace.finish_layer("call", changes).has_value(); });
    auto workspace = open(*place);
    auto finished = workspace.finish_layer("call", changes);
    ASSERT_TRUE(finished) << finished.error().to_string();
    EXPECT_EQ(show(*finished), show(changes));
    ASSERT_EQ(read_view(workspace), wanted());
    if (steps % 7 == 1) ASSERT_EQ(read_mounted(workspace), wanted());
    EXPECT_TRUE(workspace.layers().empty());
    if (!killed) break;
  }
  EXPECT_GT(steps, 15);
}

TEST_F(CrashTest, AcceptIsFinishedAfterAKillAtAnyStep) {
  int steps = 1;
  for (;; ++steps) {
    ASSERT_LT(steps, kMostSteps);
    SCOPED_TRACE(steps);
    auto place = fresh_place();
    const auto changes = run_script(*place);
    ASSERT_TRUE(open(*place).finish_layer("call", changes));
    const bool killed = killed_at(steps, *place, [](Workspace& workspace) {
      const auto report = workspace.accept();
      return report && report->conflicts.empty();
    });
    auto workspace = open(*place);
    const auto report = workspace.accept();
    ASSERT_TRUE(report) << report.error().to_string();
    ASSERT_TRUE(report->conflicts.empty()) << report->conflicts[0].path << ": " << report->conflicts[0].reason;
    Tree tree = wanted();
    tree["keep"] = "d";
    tree["keep/.env"] = "f644:secret";
    ASSERT_EQ(read_tree(place->folder), tree);
    EXPECT_TRUE(workspace.changes()->empty());
    // What the run does next meets no fingerprint from before.
    ASSERT_TRUE(workspace.write("a.txt", "newer"));
    EXPECT_TRUE(workspace.accept()->conflicts.empty());
    if (!killed) break;
  }
  EXPECT_GT(steps, 20);
}

TEST_F(CrashTest, DiscardAfterAnInterruptedAcceptLeavesNoTemporaryFiles) {
  for (int steps = 1;; steps += 3) {
    ASSERT_LT(steps, kMostSteps);
    SCOPED_TRACE(steps);
    auto place = fresh_place();
    const auto changes = run_script(*place);
    ASSERT_TRUE(open(*place).finish_layer("call", changes));
    const bool killed = killed_at(steps, *place, [](Workspace& workspace) { return workspace.accept().has_value(); });
    auto workspace = open(*place);
    ASSERT_TRUE(workspace.discard());
    for (const auto& [path, value] : read_tree(place->folder))
      EXPECT_EQ(path.find(".remit-"), std::string::npos) << path;
    EXPECT_TRUE(workspace.changes()->empty());
    if (!killed) break;
  }
}

TEST_F(CrashTest, DiscardIsFinishedAfterAKillAtAnyStep) {
  for (int steps = 1;; ++steps) {
    ASSERT_LT(steps, kMostSteps);
    SCOPED_TRACE(steps);
    auto place = fresh_place();
    const Tree before = read_tree(place->folder);
    const auto changes = run_script(*place);
    {
      auto workspace = open(*place);
      ASSERT_TRUE(workspace.finish_layer("call", changes));
      ASSERT_TRUE(workspace.begin_layer("other"));
    }
    const bool killed = killed_at(steps, *place, [](Workspace& workspace) { return workspace.discard().has_value(); });
    auto workspace = open(*place);
    if (killed) ASSERT_TRUE(workspace.discard());
    EXPECT_TRUE(workspace.changes()->empty() && workspace.layers().empty());
    EXPECT_EQ(read_tree(place->folder), before);
    if (!killed) break;
  }
}

TEST_F(CrashTest, WriteIsWholeOrAbsent) {
  for (int steps = 1;; ++steps) {
    ASSERT_LT(steps, kMostSteps);
    auto place = fresh_place();
    const bool killed = killed_at(steps, *place, [](Workspace& workspace) {
      return workspace.write("a.txt", "written").has_value() && workspace.write("p/q/r", "written").has_value();
    });
    auto workspace = open(*place);
    const auto content = workspace.read("a.txt", 100);
    ASSERT_TRUE(content);
    EXPECT_TRUE(content->bytes == "old" || content->bytes == "written");
    const auto deep = workspace.read("p/q/r", 100);
    EXPECT_TRUE(!deep || deep->bytes == "written");
    if (!killed) break;
  }
}

TEST_F(CrashTest, AFullDiskLeavesTheFolderAsItWas) {
  // A small tmpfs over the user's folder, in a namespace of the test's own.
  TempFolder temp;
  const std::string folder = temp.path() + "/project";
  fs::create_directories(folder);
  const std::string users = fmt::format("{0} {0} 1\n", ::getuid());
  const std::string groups = fmt::format("{0} {0} 1\n", ::getgid());
  const int code = in_child([&] {
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return 100;
    write_proc("/proc/self/setgroups", "deny");
    write_proc("/proc/self/uid_map", users);
    write_proc("/proc/self/gid_map", groups);
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 100;
    if (::mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=256k") != 0) return 100;
    put_file(folder + "/small", "old");
    auto workspace = Workspace::open({.folder = folder, .run_folder = temp.path() + "/run"});
    if (!workspace) return 1;
    if (!workspace->write("small", "new") || !workspace->write("large", std::string(1 << 20, 'x'))) return 2;
    const auto report = workspace->accept();
    if (report) return 3;
    if (report.error().code() != Code::kResourceExhausted) return 8;
    if (report.error().message().find("your folder is as it was") == std::string::npos) return 4;
    if (read_tree(folder) != Tree{{"small", "f644:old"}}) return 5;
    if (!workspace->write("large", "now small") || !workspace->accept()) return 6;
    return get_file(folder + "/small") == "new" ? 0 : 7;
  });
  EXPECT_EQ(code, 0);
}

}  // namespace
}  // namespace remit::sandbox

// The workspace as its callers see it: layers mounted by the kernel, file tools, diff, accept.
#include "sandbox/workspace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>

#include "base/strings.h"
#include "sandbox/workspace/test_support.h"

namespace remit::sandbox {
namespace {

using namespace testing;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class WorkspaceTest : public ::testing::Test {
 protected:
  WorkspaceTest() : folder(temp.path() + "/project"), run(temp.path() + "/data/run1") {
    fs::create_directories(folder);
  }

  Workspace open(std::vector<std::string> hide = {}) {
    auto opened = Workspace::open({.folder = folder, .run_folder = run, .hide = std::move(hide)});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(opened).value();
  }

  // Runs the script as one command and merges all that may be merged.
  std::vector<FileChange> command(Workspace& workspace, const std::string& script) {
    auto layer = workspace.begin_layer(fmt::format("call-{}", ++calls));
    EXPECT_TRUE(layer) << layer.error().to_string();
    EXPECT_EQ(run_in_layer(*layer, script), 0);
    auto changes = layer->changes();
    EXPECT_TRUE(changes) << changes.error().to_string();
    auto merged = layer->merge(*changes);
    EXPECT_TRUE(merged) << merged.error().to_string();
    return std::move(merged).value();
  }

  void put(const std::string& path, std::string_view bytes, mode_t mode = 0644) {
    put_file(folder + "/" + path, bytes, mode);
  }
  std::string get(const std::string& path) { return get_file(folder + "/" + path); }
  bool has(const std::string& path) { return fs::exists(fs::symlink_status(folder + "/" + path)); }
  // File times move in ticks; what the test does next must be later.
  static void next_tick() { ::usleep(25'000); }

  TempFolder temp;
  std::string folder;
  std::string run;
  int calls = 0;
};

TEST_F(WorkspaceTest, CommandChangesTheRunAndNotTheFolder) {
  put("a.txt", "old\n");
  put("gone.txt", "x");
  put("dir/inner", "y");
  auto workspace = open();
  const auto changes =
      command(workspace, "echo new > a.txt; rm gone.txt; mkdir out; echo 1 > out/r; rm -r dir; mkdir empty");
  EXPECT_EQ(show(changes), "modified a.txt\ndeleted dir/inner\nadded empty\ndeleted gone.txt\nadded out/r\n");
  EXPECT_EQ(get("a.txt"), "old\n");
  EXPECT_TRUE(has("gone.txt") && has("dir/inner") && !has("out"));
  EXPECT_EQ(read_mounted(workspace),
            (Tree{{"a.txt", "f644:new\n"}, {"out", "d"}, {"out/r", "f644:1\n"}, {"empty", "d"}}));
  EXPECT_EQ(read_view(workspace), read_mounted(workspace));
  EXPECT_EQ(show(*workspace.changes()), show(changes));
  EXPECT_THAT(workspace.layers(), IsEmpty());
}

TEST_F(WorkspaceTest, AcceptAppliesEverythingOnce) {
  put("a.txt", "old\n");
  put("gone.txt", "x");
  put("dir/inner", "y");
  put("run.sh", "#!/bin/sh\n", 0755);
  auto workspace = open();
  command(workspace,
          "echo new > a.txt; rm gone.txt; rm -r dir; echo 1 > dir; echo >> run.sh; ln -s a.txt link; mkdir -p x/y; "
          "chmod 4711 a.txt");
  const Tree wanted = read_view(workspace);
  auto report = workspace.accept();
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_THAT(report->conflicts, IsEmpty());
  EXPECT_EQ(
      show(report->applied),
      "modified a.txt\nmodified dir\ndeleted dir/inner\ndeleted gone.txt\nadded link\nmodified run.sh\nadded x/y\n");
  EXPECT_EQ(read_tree(folder), wanted);
  EXPECT_EQ(wanted.at("a.txt"), "f711:new\n");
  EXPECT_EQ(wanted.at("run.sh"), "f755:#!/bin/sh\n\n");
  report = workspace.accept();
  ASSERT_TRUE(report);
  EXPECT_THAT(report->applied, IsEmpty());
  EXPECT_THAT(*workspace.changes(), IsEmpty());
  // The run may go on after it.
  command(workspace, "echo newer > a.txt");
  ASSERT_THAT(workspace.accept()->conflicts, IsEmpty());
  EXPECT_EQ(get("a.txt"), "newer\n");
}

TEST_F(WorkspaceTest, DiscardForgetsEverything) {
  put("a.txt", "old\n");
  auto workspace = open();
  command(workspace, "echo new > a.txt; echo b > b");
  ASSERT_TRUE(workspace.begin_layer("left-over"));
  ASSERT_TRUE(workspace.discard());
  ASSERT_TRUE(workspace.discard());
  EXPECT_EQ(read_view(workspace), (Tree{{"a.txt", "f644:old\n"}}));
  EXPECT_THAT(workspace.layers(), IsEmpty());
}

TEST_F(WorkspaceTest, WhatWasNotPermittedIsDropped) {
  put("keep", "k");
  put("d/a", "a");
  put("d/b", "b");
  auto workspace = open();
  auto layer = workspace.begin_layer("one");
  ASSERT_TRUE(layer);
  ASSERT_EQ(run_in_layer(*layer, "echo 1 > good; echo 2 > bad; rm keep; rm -r d; echo f > d"), 0);
  auto changes = *layer->changes();
  EXPECT_EQ(show(changes), "added bad\nmodified d\ndeleted d/a\ndeleted d/b\nadded good\ndeleted keep\n");
  for (auto& change : changes) change.permitted = change.path == "good" || change.path == "d" || change.path == "d/a";
  const auto merged = layer->merge(changes);
  ASSERT_TRUE(merged);
  EXPECT_THAT(show(*merged), HasSubstr("(no) modified d: it stays a folder"));
  EXPECT_EQ(read_mounted(workspace), (Tree{{"keep", "f644:k"}, {"d", "d"}, {"d/b", "f644:b"}, {"good", "f644:1\n"}}));
  EXPECT_EQ(read_view(workspace), read_mounted(workspace));
}

TEST_F(WorkspaceTest, FolderThatComesBackShowsNothingOfTheOldOne) {
  put("d/a", "a");
  put("d/sub/b", "b");
  auto workspace = open();
  command(workspace, "rm -r d");
  command(workspace, "mkdir d; echo n > d/new");
  EXPECT_EQ(read_mounted(workspace), (Tree{{"d", "d"}, {"d/new", "f644:n\n"}}));
  EXPECT_EQ(read_view(workspace), read_mounted(workspace));
  EXPECT_EQ(show(*workspace.changes()), "deleted d/a\nadded d/new\ndeleted d/sub/b\n");
  // In one command overlayfs makes the folder opaque.
  command(workspace, "rm -r d; mkdir -p d/sub; echo c > d/sub/c");
  EXPECT_EQ(read_mounted(workspace), (Tree{{"d", "d"}, {"d/sub", "d"}, {"d/sub/c", "f644:c\n"}}));
  EXPECT_EQ(read_view(workspace), read_mounted(workspace));
  ASSERT_TRUE(workspace.write("d/sub/c", "mine"));
  ASSERT_THAT(workspace.accept()->conflicts, IsEmpty());
  EXPECT_EQ(read_tree(folder), (Tree{{"d", "d"}, {"d/sub", "d"}, {"d/sub/c", "f644:mine"}}));
}

TEST_F(WorkspaceTest, RenamedFolderArrives) {
  put("old/a", "a");
  put("old/deep/b", "b");
  auto workspace = open();
  command(workspace, "mv old new");
  const Tree wanted{{"new", "d"}, {"new/a", "f644:a"}, {"new/deep", "d"}, {"new/deep/b", "f644:b"}};
  EXPECT_EQ(read_mounted(workspace), wanted);
  ASSERT_THAT(workspace.accept()->conflicts, IsEmpty());
  EXPECT_EQ(read_tree(folder), wanted);
}

TEST_F(WorkspaceTest, OpeningOrTouchingIsNoChange) {
  put("a", "same");
  put("b", "same");
  auto workspace = open();
  EXPECT_EQ(show(command(workspace, "touch a; cp b c; cat c > b; rm c; chmod +x a; chmod -x a")), "");
  EXPECT_EQ(show(command(workspace, "chmod +x a")), "modified a\n");
}

TEST_F(WorkspaceTest, HiddenFilesAreNeitherSeenNorWrittenNorLost) {
  put(".env", "secret");
  put("app/.env", "secret");
  put("app/main", "m");
  put("keys/a.pem", "secret");
  put("keys/readme", "r");
  put("vault/x/y", "secret");
  auto workspace = open({".env", "*.pem", "/vault/"});
  const Tree visible{{"app", "d"}, {"app/main", "f644:m"}, {"keys", "d"}, {"keys/readme", "f644:r"}};
  EXPECT_EQ(read_mounted(workspace), visible);
  EXPECT_EQ(read_view(workspace), visible);
  for (const char* path : {".env", "app/.env", "keys/a.pem", "vault", "vault/x/y"}) {
    EXPECT_EQ(workspace.read(path, 100).error().code(), Code::kNotFound) << path;
    EXPECT_EQ(workspace.write(path, "x").error().code(), Code::kPermissionDenied) << path;
    EXPECT_TRUE(workspace.hidden(path));
  }
  const auto changes = command(workspace, "echo evil > .env; rm -r app keys; mkdir -p vault/x; echo evil > vault/x/y");
  EXPECT_EQ(show(changes),
            "(no) added .env: hidden by workspace.hide: it cannot be written\ndeleted app/main\ndeleted keys/readme\n"
            "(no) added vault: hidden by workspace.hide: it cannot be written\n");
  const auto report = workspace.accept();
  ASSERT_TRUE(report);
  EXPECT_THAT(report->conflicts, IsEmpty());
  EXPECT_THAT(report->kept, ::testing::ElementsAre("app", "keys"));
  EXPECT_EQ(read_tree(folder), (Tree{{".env", "f644:secret"},
                                     {"app", "d"},
                                     {"app/.env", "f644:secret"},
                                     {"keys", "d"},
                                     {"keys/a.pem", "f644:secret"},
                                     {"vault", "d"},
                                     {"vault/x", "d"},
                                     {"vault/x/y", "f644:secret"}}));
}

TEST_F(WorkspaceTest, HiddenNameThatAppearsLaterIsHiddenFromTheNextCommand) {
  put("a/b/c", "c");
  auto workspace = open({".env", "plain/path"});
  EXPECT_EQ(read_mounted(workspace).count("a/b/.env"), 0u);
  put("a/b/.env", "secret");
  put("plain/path", "secret");
  EXPECT_EQ(read_mounted(workspace), (Tree{{"a", "d"}, {"a/b", "d"}, {"a/b/c", "f644:c"}, {"plain", "d"}}));
}

TEST_F(WorkspaceTest, WhatCannotBeKeptIsReported) {
  put("inside", "i");
  auto workspace = open();
  const auto changes = command(workspace, R"sh(
    mkfifo fifo; ln -s /etc/passwd absolute; ln -s ../../etc/passwd up; mkdir s; ln -s . s/dot; ln -s dot/../../x s/sneaky
    ln -s ../inside s/good; printf x > "$(printf 'new\nline')"; printf x > "$(printf 'bad\377utf')"; echo ok > ok
    python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'
  )sh");
  const std::string text = show(changes);
  EXPECT_THAT(text, HasSubstr("(no) added fifo: a FIFO cannot"));
  EXPECT_THAT(text, HasSubstr("(no) added sock: a socket cannot"));
  EXPECT_THAT(text, HasSubstr("(no) added absolute: the link leads out"));
  EXPECT_THAT(text, HasSubstr("(no) added up: the link leads out"));
  EXPECT_THAT(text, HasSubstr("(no) added s/sneaky: the target of the link"));
  EXPECT_THAT(text, HasSubstr("(no) added new\\nline: its name holds a newline"));
  EXPECT_THAT(text, HasSubstr("(no) added bad\\xffutf: its name is not valid UTF-8"));
  EXPECT_THAT(text, HasSubstr("\nadded s/good\n"));
  EXPECT_EQ(read_view(workspace),
            (Tree{{"inside", "f644:i"}, {"ok", "f644:ok\n"}, {"s", "d"}, {"s/dot", "l:."}, {"s/good", "l:../inside"}}));
}

TEST_F(WorkspaceTest, DeepFoldersAndShutFoldersAreBounded) {
  auto workspace = open();
  auto layer = workspace.begin_layer("deep");
  ASSERT_TRUE(layer);
  const int code = in_layer(*layer, [] {
    if (::mkdir("shut", 0700) != 0) return 1;
    std::ofstream("shut/file") << "s";
    if (::chmod("shut/file", 0) != 0 || ::chmod("shut", 0) != 0) return 1;
    for (int i = 0; i < 1000; ++i) {
      if (::mkdir("d", 0700) != 0 || ::chdir("d") != 0) return 2;
    }
    return 0;
  });
  ASSERT_EQ(code, 0);
  const auto changes = layer->changes();
  ASSERT_TRUE(changes) << changes.error().to_string();
  EXPECT_THAT(show(*changes), HasSubstr("levels deep"));
  EXPECT_THAT(show(*changes), HasSubstr("\nadded shut/file\n"));
  ASSERT_TRUE(layer->merge(*changes));
  EXPECT_EQ(workspace.read("shut/file", 10)->bytes, "s");
  EXPECT_THAT(workspace.layers(), IsEmpty());
}

TEST_F(WorkspaceTest, TooManyEntriesRefuseTheLayer) {
  auto workspace = open();
  auto layer = workspace.begin_layer("many");
  ASSERT_TRUE(layer);
  for (std::size_t i = 0; i <= kMaxLayerChanges; ++i) {
    ASSERT_EQ(::symlink("t", fmt::format("{}/{}", layer->mount().upperdir, i).c_str()), 0);
  }
  const auto changes = layer->changes();
  ASSERT_FALSE(changes);
  EXPECT_EQ(changes.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(changes.error().message(), HasSubstr("kMaxLayerChanges"));
  ASSERT_TRUE(layer->discard());
  ASSERT_TRUE(layer->discard());
}

TEST_F(WorkspaceTest, FileToolsRefuseWhatLeavesTheWorkspace) {
  put("a/file", "x");
  put_file(temp.path() + "/outside", "secret");
  fs::create_symlink("../outside", folder + "/escape");
  fs::create_symlink("..", folder + "/up");
  fs::create_symlink("a", folder + "/alias");
  auto workspace = open();
  for (const char* path : {"../outside", "a/../../outside", "/etc/passwd", "", "a\nb", "bad\xff", "a\x01"}) {
    EXPECT_EQ(workspace.read(path, 10).error().code(), Code::kInvalidArgument) << path;
    EXPECT_EQ(workspace.write(path, "x").error().code(), Code::kInvalidArgument) << path;
    EXPECT_EQ(workspace.list(path, {}).error().code(), Code::kInvalidArgument) << path;
  }
  for (const char* path : {"escape", "up/outside", "alias/file"}) {
    EXPECT_THAT(workspace.read(path, 10).error().message(), HasSubstr("is a symbolic link to")) << path;
    EXPECT_THAT(workspace.write(path, "x").error().message(), HasSubstr("is a symbolic link to")) << path;
  }
  EXPECT_EQ(get_file(temp.path() + "/outside"), "secret");
  EXPECT_EQ(workspace.read("./a//file", 10)->bytes, "x");
  EXPECT_EQ(workspace.read("a", 10).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(workspace.write("a", "x").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(workspace.write("a/file/below", "x").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(workspace.read("missing", 10).error().code(), Code::kNotFound);
  EXPECT_EQ(*Workspace::normalise("./a//b/."), "a/b");
  EXPECT_EQ(*Workspace::normalise("."), ".");
}

TEST_F(WorkspaceTest, WriteCreatesFoldersAndKeepsModes) {
  put("tool", "old", 0755);
  auto workspace = open();
  auto change = workspace.write("tool", "new");
  ASSERT_TRUE(change) << change.error().to_string();
  EXPECT_EQ(change->kind, FileChange::Kind::kModified);
  change = workspace.write("x/y/z.txt", "deep");
  ASSERT_TRUE(change);
  EXPECT_EQ(change->kind, FileChange::Kind::kAdded);
  EXPECT_EQ(change->size, 4);
  EXPECT_EQ(read_mounted(workspace),
            (Tree{{"tool", "f755:new"}, {"x", "d"}, {"x/y", "d"}, {"x/y/z.txt", "f644:deep"}}));
  EXPECT_EQ(workspace.read("x/y/z.txt", 2)->bytes, "de");
  EXPECT_EQ(workspace.read("x/y/z.txt", 2)->size, 4);
  const std::string large(kMaxFileToolBytes + 1, 'x');
  EXPECT_EQ(workspace.write("large", large).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(get("tool"), "old");
}

TEST_F(WorkspaceTest, ListIsBounded) {
  for (int i = 0; i < 20; ++i) put(fmt::format("d/{:02}", i), "x");
  auto workspace = open();
  const auto listing = workspace.list("d", {.max_entries = 5});
  ASSERT_TRUE(listing);
  EXPECT_THAT(listing->entries, SizeIs(5));
  EXPECT_TRUE(listing->truncated);
  EXPECT_EQ(listing->entries[0].path, "d/00");
  EXPECT_THAT(workspace.list(".", {})->entries, SizeIs(1));
  EXPECT_THAT(workspace.list(".", {.max_entries = 100, .max_depth = 2})->entries, SizeIs(21));
}

TEST_F(WorkspaceTest, AcceptRefusesWhenTheFolderChangedUnderneath) {
  put("edited", "1");
  put("removed", "1");
  put("touched", "same");
  put("other", "1");
  put("early", "1");
  put("d/known", "1");
  auto workspace = open();
  next_tick();
  put("early", "user, before the run changed it");
  command(workspace,
          "echo r > edited; echo r > removed; echo r > touched; rm -r d; echo r > made; echo r > early; echo r > fine");
  next_tick();
  put("edited", "user");
  fs::remove(folder + "/removed");
  put("touched", "same");
  put("made", "user");
  put("other", "user");
  put("d/unknown", "user");
  const Tree before = read_tree(folder);
  auto report = workspace.accept();
  ASSERT_TRUE(report) << report.error().to_string();
  std::map<std::string, std::string> reasons;
  for (const auto& conflict : report->conflicts) reasons[conflict.path] = conflict.reason;
  EXPECT_THAT(report->applied, IsEmpty());
  EXPECT_THAT(reasons, SizeIs(5));
  EXPECT_THAT(reasons["edited"], HasSubstr("changed in your folder"));
  EXPECT_THAT(reasons["early"], HasSubstr("before the run changed it"));
  EXPECT_THAT(reasons["removed"], HasSubstr("was removed"));
  EXPECT_THAT(reasons["made"], HasSubstr("was made in your folder too"));
  EXPECT_THAT(reasons["d/unknown"], HasSubstr("never saw it"));
  EXPECT_EQ(read_tree(folder), before);
  // Putting the folder right makes it acceptable.
  put("edited", "1");
  put("removed", "1");
  fs::remove(folder + "/made");
  fs::remove(folder + "/d/unknown");
  put("early", "r\n");
  report = workspace.accept();
  ASSERT_TRUE(report);
  EXPECT_THAT(report->conflicts, IsEmpty()) << report->conflicts[0].path << report->conflicts[0].reason;
  EXPECT_EQ(get("edited"), "r\n");
  EXPECT_FALSE(has("d"));
}

TEST_F(WorkspaceTest, AcceptNeverFollowsLinksOfTheFolder) {
  put("d/file", "x");
  fs::create_directories(temp.path() + "/outside");
  auto workspace = open();
  command(workspace, "echo evil > d/file; echo evil > d/more");
  fs::remove_all(folder + "/d");
  fs::create_symlink("../outside", folder + "/d");
  const auto report = workspace.accept();
  ASSERT_TRUE(report);
  EXPECT_THAT(report->conflicts, Not(IsEmpty()));
  EXPECT_THAT(read_tree(temp.path() + "/outside"), IsEmpty());
}

TEST_F(WorkspaceTest, DiffShowsTextAndSizes) {
  put("t", "one\ntwo\nthree\n");
  put("b", std::string("\0\1", 2) + std::string(12 * 1024 - 2, 'x'));
  auto workspace = open();
  ASSERT_TRUE(workspace.write("t", "one\n2\x1b[31m\nthree\n"));
  ASSERT_TRUE(workspace.write("b", std::string("\0\2", 2) + std::string(16 * 1024 - 2, 'x')));
  ASSERT_TRUE(workspace.write("n", "new\n"));
  const auto diff = workspace.diff({});
  ASSERT_TRUE(diff);
  ASSERT_THAT(diff->files, SizeIs(3));
  EXPECT_TRUE(diff->files[0].binary);
  EXPECT_EQ(diff->files[0].text, "binary, 12 KiB → 16 KiB\n");
  EXPECT_EQ(diff->files[1].text, "--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+new\n");
  EXPECT_EQ(diff->files[2].text, "--- a/t\n+++ b/t\n@@ -1,3 +1,3 @@\n one\n-two\n+2\\x1b[31m\n three\n");
  EXPECT_EQ(diff->files[2].old_size, 14);
  const auto small = workspace.diff({.max_output_bytes = 10});
  EXPECT_TRUE(small->truncated);
  EXPECT_THAT(small->files, SizeIs(3));
}

TEST_F(WorkspaceTest, OneProcessAtATimeButMoreMayLook) {
  put("a", "x");
  auto workspace = open();
  ASSERT_TRUE(workspace.write("a", "y"));
  const auto second = Workspace::open({.folder = folder, .run_folder = run});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kUnavailable);
  auto looking = Workspace::open({.folder = folder, .run_folder = run, .inspect_only = true});
  ASSERT_TRUE(looking) << looking.error().to_string();
  EXPECT_THAT(looking->diff({})->files, SizeIs(1));
  EXPECT_EQ(looking->write("a", "z").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(looking->accept().error().code(), Code::kFailedPrecondition);
  EXPECT_FALSE(looking->begin_layer("x"));
}

TEST_F(WorkspaceTest, ReopenedRunGoesOn) {
  put("a", "x");
  {
    auto workspace = open();
    ASSERT_TRUE(workspace.write("a", "y"));
  }
  auto workspace = open();
  EXPECT_EQ(workspace.read("a", 10)->bytes, "y");
  ASSERT_THAT(workspace.accept()->conflicts, IsEmpty());
  EXPECT_EQ(get("a"), "y");
}

TEST_F(WorkspaceTest, UnfitFoldersAreNamed) {
  auto inside = Workspace::open({.folder = folder, .run_folder = folder + "/data"});
  ASSERT_FALSE(inside);
  EXPECT_THAT(inside.error().message(), HasSubstr("lie in each other"));
  EXPECT_FALSE(Workspace::open({.folder = temp.path(), .run_folder = run}));
  EXPECT_FALSE(Workspace::open({.folder = "relative", .run_folder = run}));
  EXPECT_EQ(Workspace::open({.folder = temp.path() + "/none", .run_folder = run}).error().code(), Code::kNotFound);
  EXPECT_FALSE(Workspace::open({.folder = folder, .run_folder = run, .hide = {"!x"}}));
  {
    open();
  }
  fs::rename(folder, folder + ".old");
  fs::create_directories(folder);
  const auto replaced = Workspace::open({.folder = folder, .run_folder = run});
  ASSERT_FALSE(replaced);
  EXPECT_THAT(replaced.error().to_string(), HasSubstr("was replaced by another folder"));
}

TEST_F(WorkspaceTest, RunFolderOnAnOverlayIsRefusedWithAdvice) {
  put("x", "x");
  auto workspace = open();
  auto layer = workspace.begin_layer("host");
  ASSERT_TRUE(layer);
  TempFolder other;
  ::chmod(other.path().c_str(), 0777);
  const int code = in_layer(*layer, [&] {
    auto nested = Workspace::open({.folder = other.path(), .run_folder = fs::current_path().string() + "/run"});
    if (nested || nested.error().code() != Code::kFailedPrecondition) return 1;
    return nested.error().message().find("ext4") == std::string::npos ? 2 : 0;
  });
  EXPECT_EQ(code, 0);
}

TEST_F(WorkspaceTest, NewerVersionIsRefused) {
  {
    open();
  }
  std::string meta = get_file(run + "/workspace/meta.json");
  meta.replace(meta.find("\"version\": 1"), 12, "\"version\": 9");
  put_file(run + "/workspace/meta.json", meta);
  const auto newer = Workspace::open({.folder = folder, .run_folder = run});
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code(), Code::kFailedPrecondition);
  EXPECT_THAT(newer.error().to_string(), HasSubstr("has version 9"));
}

TEST_F(WorkspaceTest, LayerIdsAreChecked) {
  auto workspace = open();
  for (const char* id : {"", "..", "a/b", ".x", "a b"}) EXPECT_FALSE(workspace.begin_layer(id)) << id;
  ASSERT_TRUE(workspace.begin_layer("a"));
  EXPECT_EQ(workspace.begin_layer("a").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(workspace.open_layer("b").error().code(), Code::kNotFound);
  EXPECT_EQ(workspace.finish_layer("b", {{"x", FileChange::Kind::kAdded, 0, true, ""}})->size(), 1u);
}

TEST_F(WorkspaceTest, RecordedListCannotReachOut) {
  auto workspace = open({".env"});
  auto layer = workspace.begin_layer("a");
  ASSERT_TRUE(layer);
  ASSERT_EQ(run_in_layer(*layer, "echo x > .env"), 0);
  const auto merged =
      layer->merge({{".env", FileChange::Kind::kAdded, 0, true, ""}, {"../x", FileChange::Kind::kAdded, 0, true, ""}});
  ASSERT_TRUE(merged);
  EXPECT_FALSE((*merged)[0].permitted || (*merged)[1].permitted);
  EXPECT_THAT(read_view(workspace), IsEmpty());
}

TEST_F(WorkspaceTest, WorksAsAnOrdinaryUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "every test here runs as an ordinary user already";
  put("a/file", "x");
  put("a/.env", "secret");
  ASSERT_EQ(::chown(temp.path().c_str(), 1000, 1000), 0);
  for (const auto& entry : fs::recursive_directory_iterator(temp.path()))
    ASSERT_EQ(::lchown(entry.path().c_str(), 1000, 1000), 0);
  const int code = in_child([&] {
    if (::setresgid(1000, 1000, 1000) != 0 || ::setresuid(1000, 1000, 1000) != 0) return 1;
    // Changing the user made /proc/self root's.
    if (::prctl(PR_SET_DUMPABLE, 1) != 0) return 1;
    auto workspace = Workspace::open({.folder = folder, .run_folder = run, .hide = {".env"}});
    if (!workspace) return 2;
    auto layer = workspace->begin_layer("one");
    if (!layer) return 3;
    if (run_in_layer(*layer,
                     "test ! -e a/.env; rm -r a; mkdir a; echo n > a/new; chmod 000 a/new; mkdir shut; echo s > "
                     "shut/s; chmod 0 shut") != 0)
      return 4;
    auto changes = layer->changes();
    if (!changes || show(*changes) != "deleted a/file\nadded a/new\nadded shut/s\n") return 5;
    if (!layer->merge(*changes)) return 6;
    if (read_view(*workspace) != read_mounted(*workspace)) return 7;
    const auto report = workspace->accept();
    return report && report->conflicts.empty() ? 0 : 8;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(
      read_tree(folder),
      (Tree{{"a", "d"}, {"a/.env", "f644:secret"}, {"a/new", "f400:n\n"}, {"shut", "d"}, {"shut/s", "f644:s\n"}}));
}

TEST_F(WorkspaceTest, RootKeepsTheOwnersOfFiles) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  put("file", "x");
  ASSERT_EQ(::chown(folder.c_str(), 1000, 1000), 0);
  ASSERT_EQ(::chown((folder + "/file").c_str(), 1001, 1001), 0);
  auto workspace = open();
  EXPECT_EQ(workspace.owner(), (std::pair<uid_t, gid_t>(1000, 1000)));
  ASSERT_TRUE(workspace.write("file", "y"));
  ASSERT_TRUE(workspace.write("d/new", "y"));
  ASSERT_THAT(workspace.accept()->conflicts, IsEmpty());
  struct stat entry{};
  ::stat((folder + "/file").c_str(), &entry);
  EXPECT_EQ(entry.st_uid, 1001u);
  ::stat((folder + "/d/new").c_str(), &entry);
  EXPECT_EQ(entry.st_uid, 1000u);
}

}  // namespace
}  // namespace remit::sandbox

// Random file operations in real overlays, merged with random permitted subsets, against what snapshots before and
// after say.
#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"
#include "sandbox/workspace/test_support.h"

namespace remit::sandbox {
namespace {

using namespace testing;

constexpr int kRuns = 12;
constexpr int kCommands = 8;
constexpr int kOperations = 25;

std::string random_path(Rng& rng, std::size_t depth) {
  static constexpr const char* kNames[] = {"a", "b", "c", "d"};
  std::string path = kNames[rng.below(4)];
  for (std::size_t i = rng.below(depth); i > 0; --i) path += std::string("/") + kNames[rng.below(4)];
  return path;
}

// What an untidy program does. Each may fail; that is part of it.
void random_operation(Rng& rng) {
  const std::string path = random_path(rng, 4);
  std::error_code error;
  switch (rng.below(11)) {
    case 0:
    case 1:
    case 2: {
      fs::create_directories(fs::path(path).parent_path(), error);
      std::ofstream(path, std::ios::trunc) << rng.below(5);
      break;
    }
    case 3: std::ofstream(path, std::ios::app) << "more"; break;
    case 4: ::unlink(path.c_str()); break;
    case 5: fs::remove_all(path, error); break;
    case 6: fs::create_directories(path, error); break;
    case 7: ::rename(path.c_str(), random_path(rng, 4).c_str()); break;
    case 8: ::symlink(random_path(rng, 1).c_str(), path.c_str()); break;
    case 9:
      ::chmod(path.c_str(), fs::is_directory(fs::symlink_status(path, error))
                                ? 0755
                                : 0600 + static_cast<mode_t>(rng.below(2)) * 0155);
      break;
    case 10: {  // A folder made anew.
      fs::remove_all(path, error);
      fs::create_directories(path, error);
      std::ofstream(path + "/x") << rng.below(3);
      break;
    }
  }
}

bool is_folder(const Tree& tree, const std::string& path) {
  const auto at = tree.find(path);
  return at != tree.end() && at->second == "d";
}

Tree files_of(const Tree& tree) {
  Tree out;
  for (const auto& [path, value] : tree) {
    if (value != "d") out[path] = value;
  }
  return out;
}

Tree read_saved(const std::string& file) {
  Tree tree;
  const std::string text = get_file(file);
  for (std::size_t at = 0; at < text.size();) {
    const auto middle = text.find('\0', at);
    const auto end = text.find('\0', middle + 1);
    tree[text.substr(at, middle - at)] = text.substr(middle + 1, end - middle - 1);
    at = end + 1;
  }
  return tree;
}

// The files of the list must be just those in which the snapshots differ.
void expect_changes_fit(const std::vector<FileChange>& changes, const Tree& before, const Tree& after) {
  std::map<std::string, FileChange::Kind> listed;
  for (const auto& change : changes) {
    EXPECT_TRUE(change.permitted) << change.path << change.reason;
    EXPECT_TRUE(listed.try_emplace(change.path, change.kind).second) << change.path << " twice";
  }
  std::set<std::string> paths;
  for (const auto& [path, value] : files_of(before)) paths.insert(path);
  for (const auto& [path, value] : files_of(after)) paths.insert(path);
  for (const auto& path : paths) {
    const auto old = before.find(path);
    const auto now = after.find(path);
    const bool differs =
        (old == before.end()) != (now == after.end()) || (old != before.end() && old->second != now->second);
    // A file that became a folder is told by the files in the folder and by its own deletion.
    EXPECT_EQ(listed.contains(path), differs) << path;
    if (!listed.contains(path)) continue;
    auto wanted = FileChange::Kind::kModified;
    if (old == before.end())
      wanted = FileChange::Kind::kAdded;
    else if (now == after.end() || (is_folder(after, path) && listed[path] == FileChange::Kind::kDeleted))
      wanted = FileChange::Kind::kDeleted;
    EXPECT_EQ(listed[path], wanted) << path;
    listed.erase(path);
  }
  for (const auto& [path, kind] : listed) EXPECT_TRUE(is_folder(before, path) || is_folder(after, path)) << path;
}

void expect_merged(const std::vector<FileChange>& merged, const Tree& before, const Tree& after, const Tree& result) {
  std::set<std::string> taken;
  for (const auto& change : merged) {
    if (change.permitted) taken.insert(change.path);
  }
  std::set<std::string> paths;
  for (const auto& tree : {before, after, result}) {
    for (const auto& [path, value] : files_of(tree)) paths.insert(path);
  }
  for (const auto& path : paths) {
    const Tree& source = taken.contains(path) ? after : before;
    const auto wanted = source.find(path);
    const auto got = result.find(path);
    const bool want_file = wanted != source.end() && wanted->second != "d";
    const bool got_file = got != result.end() && got->second != "d";
    EXPECT_EQ(got_file, want_file) << path;
    if (got_file && want_file) EXPECT_EQ(got->second, wanted->second) << path;
  }
}

class RandomTest : public ::testing::TestWithParam<int> {};

TEST_P(RandomTest, LayersMergeAsTheSnapshotsSay) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  SCOPED_TRACE(fmt::format("seed {}", seed));
  SeededRng rng(seed);
  TempFolder temp;
  const std::string folder = temp.path() + "/project";
  fs::create_directories(folder);
  for (int i = 0; i < 15; ++i) {
    const std::string path = folder + "/" + random_path(rng, 4);
    std::error_code error;
    fs::create_directories(fs::path(path).parent_path(), error);
    std::ofstream(path) << "user " << i;
  }
  put_file(folder + "/keep/.env", "secret");
  auto opened = Workspace::open({.folder = folder, .run_folder = temp.path() + "/run", .hide = {".env"}});
  ASSERT_TRUE(opened) << opened.error().to_string();
  auto& workspace = *opened;
  for (int command = 0; command < kCommands; ++command) {
    SCOPED_TRACE(fmt::format("command {}", command));
    const Tree before = read_view(workspace);
    auto layer = workspace.begin_layer(fmt::format("c{}", command));
    ASSERT_TRUE(layer) << layer.error().to_string();
    const std::string saved = temp.path() + "/after";
    const std::uint64_t operations = rng.next();
    ASSERT_EQ(in_layer(*layer,
                       [&] {
                         SeededRng inner(operations);
                         for (int i = 0; i < kOperations; ++i) random_operation(inner);
                         std::ofstream to(saved, std::ios::binary);
                         for (const auto& [path, value] : read_tree(".")) to << path << '\0' << value << '\0';
                         return 0;
                       }),
              0);
    const Tree after = read_saved(saved);
    auto changes = layer->changes();
    ASSERT_TRUE(changes) << changes.error().to_string();
    // A link is kept only where it stays inside; the random ones all do.
    expect_changes_fit(*changes, before, after);
    const bool all = rng.below(2) == 0;
    for (auto& change : *changes) change.permitted = all || rng.below(3) != 0;
    auto merged = layer->merge(*changes);
    ASSERT_TRUE(merged) << merged.error().to_string();
    const Tree result = read_view(workspace);
    EXPECT_EQ(result, read_mounted(workspace));
    expect_merged(*merged, before, after, result);
    if (all) EXPECT_EQ(result, after);
    if (HasFailure()) return;
    if (command % 3 == 2) {
      auto report = workspace.accept();
      ASSERT_TRUE(report) << report.error().to_string();
      ASSERT_TRUE(report->conflicts.empty()) << report->conflicts[0].path << ": " << report->conflicts[0].reason;
      Tree visible = read_tree(folder);
      EXPECT_EQ(visible.erase("keep/.env"), 1u);
      // A folder deleted by the run stays when hidden files are in it.
      if (!result.contains("keep")) visible.erase("keep");
      EXPECT_EQ(visible, result);
      EXPECT_TRUE(workspace.changes()->empty());
    }
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTest, ::testing::Range(1, kRuns + 1));

}  // namespace
}  // namespace remit::sandbox

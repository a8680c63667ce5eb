#include "policy/glob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "base/rng.h"
#include "base/strings.h"

namespace remit::policy {
namespace {

using testing::HasSubstr;

bool tool(std::string_view pattern, std::string_view name) { return ToolGlob::parse(pattern)->matches(name); }
bool path(std::string_view pattern, std::string_view name) { return PathGlob::parse(pattern)->matches(name); }

TEST(ToolGlob, StarStandsForAnyRun) {
  EXPECT_TRUE(tool("*", "shell.run"));
  EXPECT_TRUE(tool("files.*", "files.read"));
  EXPECT_TRUE(tool("files.*", "files."));
  EXPECT_TRUE(tool("*.read", "files.read"));
  EXPECT_TRUE(tool("a*b*c", "axxbxxbc"));
  EXPECT_FALSE(tool("files.*", "files"));
  EXPECT_FALSE(tool("files.read", "files.reader"));
  EXPECT_FALSE(tool("Files.*", "files.read"));
}

TEST(ToolGlob, RefusesWhatIsNoName) {
  EXPECT_FALSE(ToolGlob::parse(""));
  EXPECT_FALSE(ToolGlob::parse("a b"));
  EXPECT_FALSE(ToolGlob::parse("files.read\n"));
  EXPECT_THAT(ToolGlob::parse(std::string(kToolGlobBytes + 1, 'a')).error().message(), HasSubstr("kToolGlobBytes"));
}

TEST(PathGlob, Matches) {
  EXPECT_TRUE(path("ledger.db", "ledger.db"));
  EXPECT_FALSE(path("ledger.db", "sub/ledger.db"));
  EXPECT_TRUE(path("build/**", "build/a/b"));
  EXPECT_TRUE(path("build/**", "build"));
  EXPECT_FALSE(path("build/**", "builder/a"));
  EXPECT_TRUE(path("**/*.cc", "a/b/c.cc"));
  EXPECT_TRUE(path("**/*.cc", "c.cc"));
  EXPECT_TRUE(path("a/**/z", "a/z"));
  EXPECT_TRUE(path("a/**/z", "a/b/c/z"));
  EXPECT_FALSE(path("*", "a/b"));
  EXPECT_TRUE(path("report-????.md", "report-2024.md"));
  EXPECT_TRUE(path("./a//b/", "a/b"));
}

TEST(PathGlob, CoversWhatIsBelow) {
  const auto hide = PathGlob::parse("secrets");
  EXPECT_TRUE(hide->covers("secrets"));
  EXPECT_TRUE(hide->covers("secrets/a/b"));
  EXPECT_FALSE(hide->covers("secretsandmore"));
  EXPECT_TRUE(PathGlob::parse("**/.env")->covers("a/.env/x"));
}

TEST(PathGlob, RefusesWhatLeadsAstray) {
  EXPECT_FALSE(PathGlob::parse("../x"));
  EXPECT_FALSE(PathGlob::parse("/etc"));
  EXPECT_FALSE(PathGlob::parse("a\nb"));
  EXPECT_FALSE(PathGlob::parse("\xff"));
  EXPECT_FALSE(PathGlob::parse(""));
  EXPECT_FALSE(PathGlob::parse("a**b"));
  EXPECT_THAT(PathGlob::parse(std::string(kPathGlobBytes + 1, 'a')).error().message(), HasSubstr("kPathGlobBytes"));
  std::string deep;
  for (std::size_t i = 0; i <= kPathGlobSegments; ++i) deep += "a/";
  EXPECT_THAT(PathGlob::parse(deep).error().message(), HasSubstr("kPathGlobSegments"));
}

// The plainest possible matcher, exponential and obviously right.
bool slow_segment(std::string_view p, std::string_view t) {
  if (p.empty()) return t.empty();
  if (p[0] == '*') return slow_segment(p.substr(1), t) || (!t.empty() && slow_segment(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) && slow_segment(p.substr(1), t.substr(1));
}
bool slow_path(const std::vector<std::string_view>& p, std::size_t i, const std::vector<std::string_view>& t,
               std::size_t j) {
  if (i == p.size()) return j == t.size();
  if (p[i] == "**") return slow_path(p, i + 1, t, j) || (j < t.size() && slow_path(p, i, t, j + 1));
  return j < t.size() && slow_segment(p[i], t[j]) && slow_path(p, i + 1, t, j + 1);
}

TEST(PathGlob, AgreesWithThePlainMatcherOnRandomInput) {
  SeededRng rng(7);
  const auto text = [&](std::string_view alphabet, std::uint64_t segments) {
    std::string out;
    for (std::uint64_t i = 0; i < segments; ++i) {
      if (i > 0) out += '/';
      if (alphabet.contains('*') && rng.below(4) == 0) {
        out += "**";
        continue;
      }
      for (std::uint64_t k = 1 + rng.below(4); k > 0; --k) out += alphabet[rng.below(alphabet.size())];
    }
    return out;
  };
  int matched = 0;
  for (int round = 0; round < 200'000; ++round) {
    const auto pattern = text("ab?*", 1 + rng.below(4)), name = text("ab", 1 + rng.below(5));
    const auto glob = PathGlob::parse(pattern);
    if (!glob) continue;  // "a**".
    const bool expected = slow_path(split(glob->text(), '/'), 0, split(name, '/'), 0);
    matched += expected;
    ASSERT_EQ(glob->matches(name), expected) << pattern << " on " << name << ", round " << round;
  }
  EXPECT_GT(matched, 1000);
}

TEST(PathGlob, HostilePatternsStayFast) {
  std::string pattern, name;
  for (int i = 0; i < 30; ++i) pattern += "**/*a*a*a*b/";
  for (int i = 0; i < 250; ++i) name += "aaaaaaaaaaaaaa/";
  name += "x";
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(path(pattern, name));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

}  // namespace
}  // namespace remit::policy

#include "sandbox/workspace/text_diff.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "base/strings.h"

namespace remit::sandbox {
namespace {

// Applies a unified diff as patch(1) would; "?" when it does not fit.
std::string patched(std::string_view old_text, std::string_view diff) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < old_text.size();) {
    const auto end = std::min(old_text.find('\n', at), old_text.size() - 1) + 1;
    lines.emplace_back(old_text.substr(at, end - at));
    at = end;
  }
  std::string out;
  std::size_t next = 0;
  const auto rows = split(diff, '\n');
  for (std::size_t i = 2; i + 1 < rows.size(); ++i) {
    const auto row = rows[i];
    if (row.starts_with("@@")) {
      std::size_t start = std::stoul(std::string(row.substr(4)));
      const bool none = row.substr(4, row.find(' ', 4) - 4).find(",0") != std::string_view::npos;
      for (start -= none ? 0 : 1; next < start; ++next) out += lines[next];
      continue;
    }
    if (row.starts_with("\\")) continue;
    std::string text(row.substr(1));
    if (!(i + 1 < rows.size() && rows[i + 1].starts_with("\\"))) text += '\n';
    if (row[0] != '+') {
      if (next >= lines.size() || lines[next] != text) return "?";
      ++next;
    }
    if (row[0] != '-') out += text;
  }
  for (; next < lines.size(); ++next) out += lines[next];
  return out;
}

std::string diff_of(std::string_view a, std::string_view b) { return unified_diff({"a", "b"}, a, b, 3, false); }

TEST(TextDiffTest, KnownForms) {
  EXPECT_EQ(diff_of("x\n", "x\n"), "");
  EXPECT_EQ(diff_of("", "x\n"), "--- a\n+++ b\n@@ -0,0 +1 @@\n+x\n");
  EXPECT_EQ(diff_of("x\n", ""), "--- a\n+++ b\n@@ -1 +0,0 @@\n-x\n");
  EXPECT_EQ(diff_of("x\n", "x"), "--- a\n+++ b\n@@ -1 +1 @@\n-x\n+x\n\\ No newline at end of file\n");
  EXPECT_EQ(unified_diff({"a", "b"}, "", "t\tab\x1b\n", 3, true), "--- a\n+++ b\n@@ -0,0 +1 @@\n+t\tab\\x1b\n");
}

TEST(TextDiffTest, FarApartChangesGetHunksOfTheirOwn) {
  std::string a;
  for (int i = 0; i < 40; ++i) a += std::to_string(i) + "\n";
  std::string b = a;
  b.replace(b.find("5\n"), 2, "five\n");
  b.replace(b.find("35\n"), 3, "thirty-five\n");
  const auto diff = diff_of(a, b);
  EXPECT_NE(diff.find("@@ -3,7 +3,7 @@"), std::string::npos) << diff;
  EXPECT_NE(diff.find("@@ -33,7 +33,7 @@"), std::string::npos) << diff;
  EXPECT_EQ(patched(a, diff), b);
}

TEST(TextDiffTest, RandomTextsArePatchedBack) {
  SeededRng rng(7);
  for (int round = 0; round < 400; ++round) {
    const auto text = [&] {
      std::string out;
      for (std::size_t i = rng.below(30); i > 0; --i)
        out += std::string(1, static_cast<char>('a' + rng.below(4))) + "\n";
      if (!out.empty() && rng.below(4) == 0) out.pop_back();
      return out;
    };
    const auto a = text();
    const auto b = text();
    const auto diff = diff_of(a, b);
    EXPECT_EQ(a == b ? a : patched(a, diff), b) << diff;
  }
}

TEST(TextDiffTest, HugeDifferencesAreBounded) {
  std::string a;
  std::string b;
  for (int i = 0; i < 20000; ++i) a += "a" + std::to_string(i) + "\n", b += "b" + std::to_string(i) + "\n";
  const auto diff = diff_of("same\n" + a, "same\n" + b);
  EXPECT_EQ(patched("same\n" + a, diff), "same\n" + b);
}

TEST(TextDiffTest, BinaryIsNoText) {
  EXPECT_TRUE(is_text("plain\nä"));
  EXPECT_FALSE(is_text(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_text("\xff"));
}

}  // namespace
}  // namespace remit::sandbox

#include "policy/paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "base/strings.h"

namespace remit::policy {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

std::string normal(std::string_view path) {
  const auto out = normalise_path(path, "/workspace");
  return out ? *out : "refused";
}

TEST(Paths, HaveOneForm) {
  EXPECT_EQ(normal("a/b"), "a/b");
  EXPECT_EQ(normal("./a//./b/"), "a/b");
  EXPECT_EQ(normal("a/../b"), "b");
  EXPECT_EQ(normal("."), ".");
  EXPECT_EQ(normal("/workspace"), ".");
  EXPECT_EQ(normal("/workspace/a"), "a");
  EXPECT_EQ(normal("//workspace//a"), "a");
  EXPECT_EQ(normal("~/x"), "~/x");
  EXPECT_EQ(normal("données/été.csv"), "données/été.csv");
}

TEST(Paths, NeverLeadOut) {
  for (const auto path :
       {"..", "a/../..", "../workspace/a", "/etc/passwd", "/workspacex/a", "/workspace/../etc", "/", "//etc"}) {
    EXPECT_EQ(normal(path), "refused") << path;
  }
}

TEST(Paths, RefuseWhatCannotBeShown) {
  for (const auto path :
       {""sv, "a\0b"sv, "a\nb"sv, "a\x1b[2Jb"sv, "a\x7f"sv, "\xff"sv, "a\xc2\x85"sv, "invoice\xe2\x80\xae"sv})
    EXPECT_EQ(normal(path), "refused");
  EXPECT_THAT(normalise_path("a\nb", "").error().message(), HasSubstr("a\\nb"));
}

TEST(Paths, AreBounded) {
  std::string long_path;
  while (long_path.size() <= limits::kPathBytes) long_path += "abc/";
  EXPECT_THAT(normalise_path(long_path, "").error().message(), HasSubstr("kPathBytes"));
  EXPECT_THAT(normalise_path(std::string(kSegmentBytes + 1, 'a'), "").error().message(), HasSubstr("kSegmentBytes"));
  std::string deep;
  for (std::size_t i = 0; i <= kPathSegments; ++i) deep += "a/";
  EXPECT_THAT(normalise_path(deep, "").error().message(), HasSubstr("kPathSegments"));
}

TEST(Paths, WhatIsAcceptedIsStableAndInside) {
  SeededRng rng(11);
  constexpr std::string_view kPieces[] = {"a",           "b.txt",     ".",        "..",  "/", "//",
                                          "/workspace/", "workspace", "\xc3\xa9", "...", " "};
  for (int round = 0; round < 200'000; ++round) {
    std::string path;
    for (std::uint64_t k = 1 + rng.below(8); k > 0; --k) path += kPieces[rng.below(std::size(kPieces))];
    const auto out = normalise_path(path, "/workspace");
    if (!out) continue;
    ASSERT_TRUE(is_normalised_path(*out)) << path;
    ASSERT_FALSE(out->starts_with('/')) << path;
    for (const auto segment : split(*out, '/')) ASSERT_TRUE(segment != ".." && !segment.empty()) << path;
  }
}

}  // namespace
}  // namespace remit::policy

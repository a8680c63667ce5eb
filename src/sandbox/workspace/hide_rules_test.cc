#include "sandbox/workspace/hide_rules.h"

#include <gtest/gtest.h>

#include "sandbox/workspace.h"

namespace remit::sandbox {
namespace {

TEST(HideRulesTest, PatternsMeanWhatGitignoreMeans) {
  struct Case {
    const char* pattern;
    const char* path;
    bool hidden;
  };
  for (const auto& [pattern, path, hidden] : {Case{".env", ".env", true},
                                              {".env", "a/b/.env", true},
                                              {".env", ".env/inside", true},
                                              {".env", ".envrc", false},
                                              {"/.env", ".env", true},
                                              {"/.env", "a/.env", false},
                                              {"a/.env", "a/.env", true},
                                              {"a/.env", "b/a/.env", false},
                                              {"*.pem", "k/x.pem", true},
                                              {"*.pem", "x.pem.txt", false},
                                              {"a/*.pem", "a/x.pem", true},
                                              {"a/*.pem", "a/b/x.pem", false},
                                              {"**/x", "a/b/x", true},
                                              {"**/x", "x", true},
                                              {"a/**", "a/b", true},
                                              {"a/**", "a", false},
                                              {"a/**/z", "a/z", true},
                                              {"a/**/z", "a/b/c/z", true},
                                              {"a/**/z", "b/z", false},
                                              {"secret/", "x/secret/file", true},
                                              {"secret/", "secret", true},
                                              {"[ab].txt", "a.txt", true},
                                              {"[!ab].txt", "a.txt", false},
                                              {"[a-c]?", "bz", true},
                                              {"[a-c]?", "dz", false},
                                              {"\\*", "*", true},
                                              {"\\*", "x", false},
                                              {"a*b*c", "aXbYc", true},
                                              {"a*b*c", "aXbY", false},
                                              {"**/a/b", "x/a/b", true},
                                              {"**/a/b", "a/b", true},
                                              {"[", "[", true},
                                              {"[]]", "]", true}}) {
    auto rules = HideRules::parse({pattern});
    ASSERT_TRUE(rules) << pattern;
    EXPECT_EQ(rules->hidden(path), hidden) << pattern << " on " << path;
  }
}

TEST(HideRulesTest, BadPatternsAreRefused) {
  for (const char* pattern : {"", "!x", "a//b", "../x", "a/./b", "a\nb", "x\xff", "/"}) {
    EXPECT_FALSE(HideRules::parse({pattern})) << pattern;
  }
  EXPECT_EQ(HideRules::parse(std::vector<std::string>(kMaxHidePatterns + 1, "x")).error().code(),
            Code::kResourceExhausted);
}

TEST(HideRulesTest, OnlyPatternsForAnyPlaceNeedAWalk) {
  EXPECT_FALSE(HideRules::parse({"/.env", "config/secret"})->needs_walk());
  EXPECT_TRUE(HideRules::parse({".env"})->needs_walk());
  EXPECT_TRUE(HideRules::parse({"config/*.key"})->needs_walk());
}

TEST(HideRulesTest, StarsTakeNoExponentialTime) {
  const std::string stars(200, '*');
  EXPECT_FALSE(glob_matches(stars + "b", std::string(2000, 'a')));
  std::string pattern = "a";
  std::string path = "a";
  for (int i = 0; i < 40; ++i) pattern += "/**/a", path += "/a";
  EXPECT_FALSE(HideRules::parse({pattern + "/b"})->hidden(path));
}

}  // namespace
}  // namespace remit::sandbox

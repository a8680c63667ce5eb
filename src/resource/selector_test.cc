#include "resource/selector.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "resource/limits.h"
#include "resource/source_map.h"

namespace remit::resource {
namespace {

bool matches(std::string_view selector, const std::map<std::string, std::string>& labels) {
  const auto parsed = LabelSelector::parse(selector);
  EXPECT_TRUE(parsed) << selector;
  return parsed && parsed->matches(labels);
}

TEST(Selector, MatchesAsKubernetesDoes) {
  const std::map<std::string, std::string> labels = {{"app", "web"}, {"remit.dev/tier", "a"}, {"empty", ""}};
  for (const auto* yes : {"", "app=web", "app==web", "app!=db", "app in (db, web)", "app notin (db)", "app", "!other",
                          "other!=x", "other notin (x)", "remit.dev/tier=a,app", " app = web , !x ",
                          "empty=", "app in (web),remit.dev/tier in (a,b)"}) {
    EXPECT_TRUE(matches(yes, labels)) << yes;
  }
  for (const auto* no : {"app=db", "app!=web", "app in (db)", "app notin (web)", "!app", "other", "other=x",
                         "other in (x)", "app=web,other"}) {
    EXPECT_FALSE(matches(no, labels)) << no;
  }
}

TEST(Selector, WritesWhatItReads) {
  for (const auto* text : {"", "app in (web)", "app notin (db,),!old,new", "remit.dev/tier"}) {
    EXPECT_EQ(LabelSelector::parse(text)->to_string(), text);
  }
  EXPECT_EQ(LabelSelector::parse("a=b, c!=d")->to_string(), "a in (b),c notin (d)");
}

TEST(Selector, RefusesWhatItCannotRead) {
  for (const auto* bad : {",", "app=web,", "=web", "app in", "app in (", "app in (a", "app in a", "a b", "!",
                          "app=we b", "-a=b", "a=b,,c", "app=(a)"}) {
    EXPECT_FALSE(LabelSelector::parse(bad)) << bad;
  }
  std::string many = "a0";
  for (std::size_t i = 1; i <= limits::kSelectorRequirements; ++i) many += fmt::format(",a{}", i);
  EXPECT_EQ(LabelSelector::parse(many).error().code(), Code::kResourceExhausted);
}

TEST(SourceMap, FindsTheNearestLine) {
  SourceMap map("m.yaml");
  EXPECT_EQ(map.place("spec.goal"), "m.yaml") << "nothing is known";
  map.set("", 1), map.set("spec", 4), map.set(join_path("spec", "a.b"), 9), map.set("spec.rules[0]", 6);
  EXPECT_EQ(map.line("spec.rules[0].name"), 6);
  EXPECT_EQ(map.line("spec.rules[1].name"), 4);
  EXPECT_EQ(map.line("spec[\"a.b\"]"), 9);
  EXPECT_EQ(map.line("spec[\"c.d\"]"), 4);
  EXPECT_EQ(map.line("status"), 1);
  EXPECT_EQ(SourceMap::from_json(map.to_json_object()).place("spec[\"a.b\"]"), "m.yaml:9");
}

}  // namespace
}  // namespace remit::resource

#include "api/target.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "api/limits.h"

namespace remit::api {
namespace {

constexpr std::string_view kBase = "/apis/remit.dev/v1alpha1";

std::string described(std::string_view path) {
  const auto target = parse_target(path);
  if (!target) return std::string(to_string(target.error().code()));
  return fmt::format("{} {} {} {}", static_cast<int>(target->type), target->kind ? target->kind->plural : "-",
                     target->ns, target->name);
}
std::string under_base(std::string_view rest) { return described(std::string(kBase) + std::string(rest)); }
std::string wanted(TargetKind type, std::string_view rest) {
  return fmt::format("{} {}", static_cast<int>(type), rest);
}

TEST(Target, ReadsThePathsOfKubernetes) {
  EXPECT_EQ(described("/healthz"), wanted(TargetKind::kHealth, "-  "));
  EXPECT_EQ(described("/apis"), wanted(TargetKind::kGroups, "-  "));
  EXPECT_EQ(described("/apis/remit.dev/"), wanted(TargetKind::kGroup, "-  "));
  EXPECT_EQ(described(kBase), wanted(TargetKind::kResources, "-  "));
  EXPECT_EQ(under_base("/missions"), wanted(TargetKind::kCollection, "missions  "));
  EXPECT_EQ(under_base("/namespaces/finance/missions"), wanted(TargetKind::kCollection, "missions finance "));
  EXPECT_EQ(under_base("/namespaces/finance/missions/a.b"), wanted(TargetKind::kObject, "missions finance a.b"));
  EXPECT_EQ(under_base("/namespaces/finance/budgets/a/status"), wanted(TargetKind::kStatus, "budgets finance a"));
  EXPECT_EQ(under_base("/namespaces/finance/missions/a/log"), wanted(TargetKind::kLog, "missions finance a"));
  EXPECT_EQ(under_base("/namespaces/a%2eb/missions"), wanted(TargetKind::kCollection, "missions a.b "));
}

TEST(Target, FindsNothingElsewhere) {
  for (const auto* path : {"/", "/apis/other.dev", "/api/v1", "/healthz/x", "/a/b/c/d/e/f/g/h/i/j"}) {
    EXPECT_TRUE(parse_target(path).error().code() == Code::kNotFound || path == std::string_view("/")) << path;
    EXPECT_FALSE(parse_target(path)) << path;
  }
  for (const auto* rest : {"/mission", "/Missions", "/namespaces/a/missions/b/other", "/namespaces/a/budgets/b/log",
                           "/missions/a", "/namespaces/a", "/namespaces/a/missions/b/status/c"}) {
    EXPECT_EQ(under_base(rest), to_string(Code::kNotFound)) << rest;
  }
}

TEST(Target, RefusesWhatIsNoPath) {
  for (const auto* rest : {"/namespaces/a%2fb/missions", "/namespaces/../missions", "/namespaces//missions",
                           "/namespaces/%zz/missions", "/namespaces/%ff/missions", "/namespaces/%00/missions"}) {
    EXPECT_EQ(under_base(rest), to_string(Code::kInvalidArgument)) << rest;
  }
  EXPECT_EQ(under_base("/" + std::string(kTargetBytes, 'a')), to_string(Code::kInvalidArgument));
}

TEST(Query, ReadsWhatListsAndWatchesTake) {
  const auto query = parse_query(
      "watch=1&resourceVersion=12&labelSelector=a%3Db&fieldSelector=metadata.name%3Dx,metadata.namespace%3D%3Dy&limit="
      "5&timeoutSeconds=7&pretty=true");
  ASSERT_TRUE(query) << query.error().to_string();
  EXPECT_TRUE(query->watch);
  EXPECT_FALSE(query->bookmarks);
  EXPECT_EQ(query->resource_version, "12");
  EXPECT_TRUE(query->selector.matches({{"a", "b"}}));
  EXPECT_FALSE(query->selector.matches({}));
  EXPECT_EQ(query->name, "x");
  EXPECT_EQ(query->ns, "y");
  EXPECT_EQ(query->limit, 5u);
  EXPECT_EQ(query->timeout, std::chrono::seconds(7));
  EXPECT_EQ(parse_query("resourceVersion=0")->resource_version, "");
}

TEST(Query, RefusesWhatItWouldNotHeed) {
  for (const auto* text :
       {"dryRun=All", "watch=maybe", "limit=-1", "limit=x", "limit=99999999999", "labelSelector=a%20b",
        "fieldSelector=spec.x%3D1", "fieldSelector=metadata.name", "continue=%ff", "watch=%zz"}) {
    const auto query = parse_query(text);
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code(), Code::kInvalidArgument) << text;
  }
  std::string many = "pretty=1";
  for (std::size_t i = 0; i < kQueryParameters; ++i) many += "&pretty=1";
  EXPECT_FALSE(parse_query(many));
  EXPECT_FALSE(parse_query("continue=" + std::string(kTargetBytes, 'a')));
}

}  // namespace
}  // namespace remit::api

#include "resource/object.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/action.h"
#include "resource/approval.h"
#include "resource/budget.h"
#include "resource/kinds.h"
#include "resource/mission.h"
#include "resource/mission_class.h"
#include "resource/model_provider.h"
#include "resource/names.h"
#include "resource/schema/words.h"
#include "resource/tool_server.h"

namespace remit::resource {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
void expect_round_trip(const T& typed) {
  const auto back = from_object<T>(to_object(typed));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, typed) << pretty_json(to_object(typed).content());
}

Mission full_mission() {
  Mission m;
  m.metadata = {.name = "m",
                .ns = "n",
                .labels = {{"a/b", "c"}},
                .annotations = {{"note", "x y\nz"}},
                .finalizers = {"remit.dev/x"}};
  m.metadata.owner_references = {{"v1", "Pod", "p", "uid-1", true, std::nullopt}};
  m.spec.goal = "go";
  m.spec.checks = {{"c", {{"true", ""}}, 5s}};
  m.spec.agent = {AgentType::kContainer, std::nullopt, ContainerAgent{"image:1", {"run"}}};
  m.spec.model = {{"p"}, "model", 1000};
  m.spec.workspace = {WorkspaceType::kDirectory, WorkspaceDirectory{"/data"}, {"a/**"}, {".env"}};
  m.spec.budget = {{MicroUsd{1'500'000}, 10, 20, Duration(90min)}, OnExhausted::kPause, NameRef{"b"}};
  m.spec.permissions = {
      PermissionMode::kAudit, {{"r", RuleEffect::kAsk, {"shell.*"}, "true"}}, {{"e", "*.example.com", 8443}}};
  m.spec.isolation = {Tier::kProcess, LimitsMode::kBestEffort, {1 << 28}, {250}, 7, {1 << 29}, Duration(1500ms)};
  m.spec.importance = Importance::kCritical;
  m.spec.desired_state = DesiredState::kPaused;
  m.spec.tool_server_refs = {{"t"}};
  m.spec.parent_ref = NameRef{"parent"}, m.spec.class_ref = NameRef{"class"};
  m.status.phase = Phase::kChecking;
  m.status.conditions = {{"Ready", ConditionStatus::kTrue, 3, "2026-11-24T01:02:03Z", "Because", "text"}};
  m.status.run_id = "01JD0000000000000000000000", m.status.trace_id = std::string(32, 'a');
  m.status.goal_met = false, m.status.cost_micro_usd = 31'200;
  m.status.tokens = {1, 2, 3, 4}, m.status.verdicts = {1, 2, 3, 4}, m.status.changes = {1, 2, 3};
  m.status.active_duration = 5s, m.status.started_at = "2026-11-24T01:02:03Z";
  return m;
}

TEST(Object, EveryKindComesBackWhole) {
  expect_round_trip(full_mission());
  MissionClass mission_class;
  mission_class.metadata.name = "c";
  mission_class.spec = {BudgetLimits{MicroUsd{5}, {}, {}, {}}, Tier::kMicroVm, {{Tier::kGVisor, "gvisor"}}};
  expect_round_trip(mission_class);
  Budget budget;
  budget.metadata = {.name = "b", .ns = "n"};
  budget.spec.limits.tokens = 3;
  budget.status.spent = {1, 2, 3, 4s};
  expect_round_trip(budget);
  ToolServer tools;
  tools.metadata = {.name = "t", .ns = "n"};
  tools.spec = {ToolServerType::kMcp,
                McpEndpoint{"https://x/mcp", SecretRef{"TOKEN", ""}},
                {{"files.read", "Reads.", Effect::kReadOnly, true, 5s, {{"type", "object"}}}}};
  expect_round_trip(tools);
  ModelProvider provider;
  provider.metadata = {.name = "p", .ns = "n"};
  provider.spec.type = ProviderType::kRecorded;
  provider.spec.recorded = RecordedModel{"model.rec"};
  provider.spec.prices = {{"some-*", {100, 10, std::nullopt, 200, 0}}};
  provider.spec.unknown_model_price = {UnknownModel::kCeiling, Rates{1, {}, {}, 2, {}}};
  expect_round_trip(provider);
  Approval approval;
  approval.metadata = {.name = "a", .ns = "n"};
  approval.spec = {
      {"m"},   "01JD0000000000000000000000", 7, {"shell.run", "ls", {{"x", 1}}, std::string(64, 'a')}, "why", "rule",
      "I must"};
  approval.status = {ApprovalDecision::kApproved, ApprovalScope::kRun, "me", "2026-11-24T01:02:03Z", "ok", true};
  expect_round_trip(approval);
}

TEST(Object, EffectHasTheWordsOfCore) {
  for (const auto effect : {Effect::kReadOnly, Effect::kWrite, Effect::kIrreversible})
    EXPECT_EQ(word_of(effect), remit::to_string(effect));
}

TEST(Object, EnumsAreReadByTheirExactWords) {
  EXPECT_EQ(parse_enum<Phase>("WaitingForApproval"), Phase::kWaitingForApproval);
  EXPECT_FALSE(parse_enum<Tier>("gvisor"));
  EXPECT_EQ(to_string(OnExhausted::kReturnPartial), "ReturnPartial");
  EXPECT_LT(Tier::kProcess, Tier::kMicroVm);
}

TEST(Object, FromObjectNamesTheWrongKind) {
  const auto wrong = from_object<Budget>(to_object(full_mission()));
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message(), HasSubstr("expected a Budget, not a 'Mission'"));
}

TEST(Object, AMissionClassHasNoNamespace) {
  MissionClass mission_class;
  mission_class.metadata = {.name = "c", .ns = "n"};
  EXPECT_THAT(from_object<MissionClass>(to_object(mission_class)).error().message(), HasSubstr("has no namespace"));
}

std::vector<std::string> changes(const Mission& before, const Mission& after) {
  std::vector<std::string> out;
  for (const auto& problem : validate_update(to_object(before), to_object(after))) out.push_back(problem.path);
  return out;
}

TEST(Object, DuringARunOnlyTheBudgetMayBeRaised) {
  const Mission before = full_mission();
  Mission after = before;
  after.spec.budget.limits = {MicroUsd{2'000'000}, 10, 21, Duration(91min)};
  after.spec.importance = Importance::kLow, after.spec.desired_state = DesiredState::kStopped,
  after.spec.budget.on_exhausted = OnExhausted::kKill;
  EXPECT_THAT(changes(before, after), ElementsAre());
  after.spec.budget.limits.tokens.reset();
  EXPECT_THAT(changes(before, after), ElementsAre()) << "no limit is more than any";
  after = before;
  after.spec.goal = "other", after.spec.permissions.rules.clear(), after.spec.budget.limits.tokens = 9;
  after.spec.budget.limits.active_duration = 89min;
  EXPECT_THAT(changes(before, after),
              ElementsAre("spec.goal", "spec.budget.tokens", "spec.budget.activeDuration", "spec.permissions"));
  Mission idle = before;
  idle.status.phase = Phase::kSucceeded;
  EXPECT_THAT(changes(idle, after), ElementsAre()) << "after the run everything may change";
}

TEST(Object, AnApprovalsQuestionNeverChanges) {
  Approval before;
  before.metadata.name = "a";
  before.spec = {{"m"}, "01JD0000000000000000000000", 7, {"shell.run", "ls", {}, std::string(64, 'a')}, "", "", ""};
  Approval after = before;
  after.status.decision = ApprovalDecision::kApproved;
  EXPECT_TRUE(validate_update(to_object(before), to_object(after)).empty());
  after.spec.action.hash[0] = 'b';
  EXPECT_FALSE(validate_update(to_object(before), to_object(after)).empty());
  after = before;
  after.spec.reason = "added later";
  EXPECT_FALSE(validate_update(to_object(before), to_object(after)).empty());
}

TEST(Object, ASecretIsNamedInExactlyOneWay) {
  ModelProvider provider;
  provider.metadata.name = "p";
  provider.spec.open_ai = ProviderEndpoint{"https://x", SecretRef{"A", "b"}};
  EXPECT_THAT(from_object<ModelProvider>(to_object(provider)).error().message(),
              HasSubstr("spec.openAI.apiKeyRef: expected exactly one of env, file"));
}

TEST(Object, AFreeFormMemberHasALimit) {
  Approval approval;
  approval.metadata.name = "a";
  approval.spec = {{"m"}, "01JD0000000000000000000000",
                   7,     {"x", "", {{"big", std::string(300'000, 'x')}}, std::string(64, 'a')},
                   "",    "",
                   ""};
  EXPECT_THAT(from_object<Approval>(to_object(approval)).error().message(),
              HasSubstr("spec.action.args: 300010 bytes as JSON; at most 262144"));
}

TEST(Object, UnsignedNumbersOfProgramsAreNumbers) {
  Object object = to_object(full_mission());
  object.status()["calls"] = std::uint64_t{5};
  EXPECT_EQ(from_object<Mission>(object)->status.calls, 5);
  object.status()["calls"] = UINT64_MAX;
  EXPECT_FALSE(from_object<Mission>(object));
}

TEST(Kinds, AreFoundByAnyOfTheirNames) {
  for (const auto* name : {"Mission", "missions", "mission", "mis", "MISSIONS"})
    EXPECT_EQ(find_kind(name)->kind, "Mission");
  EXPECT_EQ(find_kind("pods"), nullptr);
  EXPECT_EQ(kinds().size(), kind_names().size());
}

TEST(Meta, ATransitionKeepsItsTimeWhileTheStatusStays) {
  std::vector<Condition> conditions;
  set_condition(conditions, {"Ready", ConditionStatus::kFalse, 1, "", "A", ""}, "t1");
  set_condition(conditions, {"Ready", ConditionStatus::kFalse, 2, "", "B", ""}, "t2");
  EXPECT_EQ(find_condition(conditions, "Ready")->last_transition_time, "t1");
  set_condition(conditions, {"Ready", ConditionStatus::kTrue, 2, "", "C", ""}, "t3");
  EXPECT_EQ(find_condition(conditions, "Ready")->last_transition_time, "t3");
  EXPECT_EQ(conditions.size(), 1u);
  EXPECT_EQ(find_condition(conditions, "Other"), nullptr);
}

}  // namespace
}  // namespace remit::resource

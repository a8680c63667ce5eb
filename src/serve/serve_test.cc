// What serve adds to the modules below it: the projection behind status and summary, the conversions of the kinds,
// approvals in the store. Whole runs, also interrupted ones, are in test/.
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/strings.h"
#include "resource/embedded_store.h"
#include "resource/manifest.h"
#include "serve/approval_book.h"
#include "serve/from_mission.h"
#include "serve/run_view.h"

namespace remit::serve {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct TempFolder {
  TempFolder() {
    std::string pattern = (fs::temp_directory_path() / "remit-serve-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    path = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::string path;
};

template <typename T>
T run_task(asio::io_context& io, Task<T> task) {
  std::optional<T> value;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr thrown, T result) {
    EXPECT_FALSE(thrown);
    value.emplace(std::move(result));
  });
  io.restart();
  while (!value && io.run_one_for(std::chrono::seconds(20)) > 0) continue;
  if (!value) throw std::runtime_error("the task did not end");
  return std::move(*value);
}

// RunView.

struct Feed {
  RunView view;
  std::uint64_t sequence = 0;
  void add(RecordBody body, std::uint64_t call = 0, std::uint64_t parent = 0) {
    ++sequence;
    view.add({sequence, WallTime(std::chrono::milliseconds(100 * sequence)), call, parent, std::move(body)});
  }
  void call(std::uint64_t number, Verdict verdict, Outcome outcome = {}, Amounts charged = {}) {
    Action action;
    action.tool = "shell.run", action.resource = fmt::format("command {}", number);
    add(Proposed{action}, number);
    const bool allowed = verdict.allows();
    add(Judged{std::move(verdict)}, number);
    if (allowed) add(Settled{1, std::move(outcome), charged, true}, number);
  }
};

Outcome changed(std::string path, FileChange::Kind kind) {
  Outcome outcome;
  outcome.ok = true;
  outcome.sandbox = SandboxReport{"Process", 1700, 5000, "exit", 0};
  outcome.changes.push_back({std::move(path), kind});
  return outcome;
}

TEST(RunView, TheSummaryHasItsStableNames) {
  Feed feed;
  feed.add(RunBegan{"finance", "import", "uid", 1, {}, "mission.yaml", true, false});
  Outcome answer;
  answer.ok = true;
  answer.usage = {100, 40, 0, 20, 5};
  feed.call(1, Verdict::allow("permissions", "all"), answer, {{2100}, 80, 0});
  feed.call(2, Verdict::deny("permissions", "egress", "nothing may be reached"));
  feed.call(3, Verdict::allow("permissions", "all"), changed("a", FileChange::Kind::kAdded), {{}, 0, 1});
  feed.add(CheckResult{"ledger", true, "fine", 12});
  feed.add(RunEnded{"Succeeded", "ChecksPassed", true, "done"});
  EXPECT_EQ(
      to_json(feed.view.summary("RUN", 0)),
      R"({"phase":"Succeeded","reason":"ChecksPassed","goalMet":true,"checks":[{"name":"ledger","passed":true,"output":"fine","durationMs":12}],)"
      R"("costMicroUSD":2100,"recorded":true,"tokens":{"input":100,"cachedInput":40,"output":20,"reasoning":5},"calls":1,)"
      R"("verdicts":{"allow":2,"deny":1,"ask":0,"unavailable":0},)"
      R"("denials":[{"call":2,"action":"shell.run command 2","layer":"permissions","rule":"egress","reason":"nothing may be reached"}],)"
      R"("sandboxes":{"count":1,"createP50Us":1700,"left":0},"changes":[{"path":"a","kind":"added"}],"answer":"done","runId":"RUN","durationMs":1000})");
}

TEST(RunView, AddsUpWhatBecameOfAFile) {
  Feed feed;
  const auto allow = Verdict::allow("permissions", "all");
  feed.call(1, allow, changed("new", FileChange::Kind::kAdded));
  feed.call(2, allow, changed("new", FileChange::Kind::kModified));
  feed.call(3, allow, changed("gone", FileChange::Kind::kAdded));
  feed.call(4, allow, changed("gone", FileChange::Kind::kDeleted));
  auto dropped = changed("dropped", FileChange::Kind::kAdded);
  dropped.changes[0].permitted = false;
  feed.call(5, allow, dropped);
  EXPECT_THAT(feed.view.changes(), ElementsAre(testing::Pair("new", FileChange::Kind::kAdded)));
}

TEST(RunView, KeepsTheLatestCallsAndAllTotals) {
  Feed feed;
  Outcome long_text;
  long_text.ok = true;
  long_text.text = std::string(kViewTextBytes - 1, 'x') + "é and more";
  feed.add(Proposed{}, 1);  // Stays open.
  const std::uint64_t count = 2 * kViewSandboxes;
  for (std::uint64_t i = 2; i <= count; ++i)
    feed.call(i, i % 2 ? Verdict::deny("permissions", "r", "no") : Verdict::allow("p", "r"), long_text, {{1}, 0, 1});
  EXPECT_EQ(feed.view.calls(), count);
  EXPECT_NE(feed.view.call(1), nullptr) << "a call under way is kept";
  EXPECT_EQ(feed.view.call(2), nullptr);
  ASSERT_NE(feed.view.call(count), nullptr);
  EXPECT_LE(feed.view.call(count)->outcome->text.size(), kViewTextBytes + 2);
  EXPECT_EQ(feed.view.cost().value, std::int64_t(count / 2));
  EXPECT_EQ(feed.view.verdicts().deny, std::int64_t(count / 2 - 1));
  EXPECT_EQ(feed.view.denials().size(), kViewDenials);
  for (std::size_t i = 0; i < 2 * kViewNotes; ++i) feed.add(Note{fmt::to_string(i)});
  EXPECT_EQ(feed.view.notes().size(), kViewNotes);
  EXPECT_EQ(feed.view.notes().back(), fmt::to_string(2 * kViewNotes - 1));
}

// Conversions.

resource::Mission mission_of(const std::string& spec) {
  auto loaded = resource::load_manifests(
      "apiVersion: remit.dev/v1alpha1\nkind: Mission\nmetadata: {name: m, namespace: n}\nspec:\n" + spec, "m.yaml");
  if (!loaded) throw std::runtime_error(resource::to_error(loaded.error()).to_string());
  return *resource::from_object<resource::Mission>(loaded->front().object);
}

constexpr const char* kSpec =
    "  goal: the goal\n  model: {providerRef: {name: p}, name: some-model}\n  budget: {costUSD: \"0.50\", tokens: 7, "
    "toolCalls: 3, activeDuration: 2m}\n"
    "  workspace: {type: Directory, directory: {path: .}, write: [out], hide: [.env]}\n"
    "  permissions: {mode: Audit, rules: [{name: r, effect: Ask, tools: [\"files.*\"]}], egress: [{name: e, host: "
    "x.test, port: 443}]}\n";

TEST(FromMission, TakesOverPermissionsLimitsAndBriefing) {
  const auto mission = mission_of(kSpec);
  const auto permissions = permissions_of(mission, {});
  EXPECT_EQ(permissions.mode, policy::Mode::kAudit);
  ASSERT_EQ(permissions.rules.size(), 1u);
  EXPECT_EQ(permissions.rules[0].effect, policy::RuleEffect::kAsk);
  EXPECT_EQ(permissions.egress[0].host, "x.test");
  EXPECT_THAT(permissions.workspace.hide, ElementsAre(".env"));
  EXPECT_EQ(permissions.models[0].name, "some-model");
  const auto limits = limits_of(mission.spec.budget.limits);
  EXPECT_EQ(limits, (ledger::BudgetLimits{{{500'000}, 7, 3}, std::chrono::minutes(2)}));
  EXPECT_EQ(limits_from({limits.amounts, limits.active_duration, ""}), mission.spec.budget.limits);
  EXPECT_EQ(limits_from({}), resource::BudgetLimits{});
  EXPECT_THAT(briefing_of(mission.spec), HasSubstr("You may change: out."));
  EXPECT_THAT(briefing_of(mission.spec), HasSubstr("x.test:443"));
}

TEST(FromMission, PathsAreRelativeToTheManifest) {
  EXPECT_EQ(resolve_path("a/../b", "/x"), "/x/b");
  EXPECT_EQ(resolve_path("/abs", "/x"), "/abs");
}

// Approvals.

struct Approvals : testing::Test {
  asio::io_context io;
  SystemClock clock;
  SystemRng rng;
  TempFolder folder;
  std::unique_ptr<resource::Store> store;
  Ulid run = Ulid::make(clock, rng);

  void SetUp() override {
    resource::EmbeddedStoreOptions options;
    options.clock = &clock, options.rng = &rng;
    auto opened = resource::EmbeddedStore::open(folder.path + "/resources.db", options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    store = std::move(*opened);
  }
  policy::ApprovalRequest request(std::string hash) {
    policy::ApprovalRequest request{run, 7, {}, std::move(hash), Verdict::deny("permissions", "ask-me", "a rule asks")};
    request.action.tool = "files.write";
    return request;
  }
  Result<> answer(std::string name, bool approve, bool for_run) {
    return run_task(io, answer_approval(*store, "default", std::move(name), approve, for_run, "somebody", "because",
                                        to_rfc3339(clock.wall_now())));
  }
};

TEST_F(Approvals, AGrantForOneCallIsUsedOnce) {
  StoreApprovalBook book(*store, "default", "m");
  const std::string hash = sha256_hex("a");
  const auto name = run_task(io, book.create(request(hash)));
  ASSERT_TRUE(name) << name.error().to_string();
  auto found = run_task(io, book.find(run, hash));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->state, policy::ApprovalState::kPending);
  EXPECT_FALSE(*run_task(io, book.consume(*name))) << "an open question grants nothing";
  ASSERT_TRUE(answer(*name, true, false));
  EXPECT_EQ((*run_task(io, book.find(run, hash)))->state, policy::ApprovalState::kApproved);
  EXPECT_TRUE(*run_task(io, book.consume(*name)));
  EXPECT_FALSE(*run_task(io, book.consume(*name)));
  EXPECT_FALSE(run_task(io, book.find(run, hash))->has_value()) << "a used grant does not count";
  EXPECT_FALSE(run_task(io, book.find(run, sha256_hex("b")))->has_value()) << "a grant is for its action only";
}

TEST_F(Approvals, AGrantForTheRunStaysAndAnAnswerIsFinal) {
  StoreApprovalBook book(*store, "default", "m");
  const std::string hash = sha256_hex("a");
  const auto name = run_task(io, book.create(request(hash)));
  ASSERT_TRUE(name && answer(*name, true, true));
  EXPECT_TRUE(*run_task(io, book.consume(*name)));
  EXPECT_TRUE(*run_task(io, book.consume(*name)));
  const auto again = answer(*name, false, false);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message(), HasSubstr("was approved by somebody already"));
}

TEST_F(Approvals, OpenQuestionsOfARunAreBounded) {
  StoreApprovalBook book(*store, "default", "m");
  for (std::size_t i = 0; i < policy::kPendingApprovalsPerRun; ++i)
    ASSERT_TRUE(run_task(io, book.create(request(sha256_hex(fmt::to_string(i))))));
  const auto more = run_task(io, book.create(request(sha256_hex("more"))));
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace remit::serve

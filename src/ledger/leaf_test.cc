#include "ledger/leaf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remit::ledger {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class LeafTest : public testing::Test {
 protected:
  LeafTest() {
    SeededRng rng(1);
    run_ = Ulid::make(clock_, rng);
    EXPECT_TRUE(prices_.add_override("p", "m",
                                     {.input = 1'000'000,
                                      .cached_input = 100'000,
                                      .cache_write = 1'250'000,
                                      .output = 10'000'000,
                                      .reasoning = 10'000'000}));
    model_call_.kind = ActionKind::kModelCall;
    auto request = std::make_shared<ModelRequest>();
    request->provider = "p", request->model = "m", request->max_output_tokens = 100;
    request->messages.push_back({.role = Role::kUser, .text = std::string(1000, 'x')});
    model_call_.model_request = request;
    tool_call_.kind = ActionKind::kToolCall;
  }

  Leaf make(BudgetLimits limits, Amounts reserve = {}, LeaseSource* source = nullptr) {
    return Leaf({.run = run_, .account = "ns/mission", .limits = limits, .return_reserve = reserve, .prices = prices_},
                clock_, source);
  }
  AttemptId id(std::uint64_t call, std::uint32_t attempt = 1) const { return {run_, call, attempt}; }
  static Outcome used(Usage usage) { return {.ok = true, .usage = usage}; }
  RunRecord record(std::uint64_t call, RecordBody body) const {
    return {.time = clock_.wall_now(), .call = call, .body = std::move(body)};
  }

  SimulatedClock clock_;
  Ulid run_;
  PriceTable prices_ = PriceTable::built_in();
  Action model_call_, tool_call_;
};

TEST_F(LeafTest, EstimatesTheWorstAModelCallCanCost) {
  const Leaf leaf = make({});
  const Amounts amounts = leaf.estimate(model_call_).value();
  EXPECT_GE(amounts.tokens, 600);
  EXPECT_EQ(amounts.calls, 0);
  EXPECT_EQ(amounts.cost,
            cost_of({.input = 1'250'000, .output = 10'000'000}, {.input = amounts.tokens - 100, .output = 100}));
  EXPECT_EQ(leaf.estimate(tool_call_).value(), (Amounts{{0}, 0, 1}));
  Action agent = tool_call_;
  agent.tool = "agent.run", agent.channel = "runtime", agent.kind = ActionKind::kCommand;
  EXPECT_EQ(leaf.estimate(agent).value(), Amounts{}) << "the agent's own program is no tool call";
  auto unknown = std::make_shared<ModelRequest>(*model_call_.model_request);
  unknown->model = "nobody-knows";
  Action call = model_call_;
  call.model_request = unknown;
  EXPECT_EQ(leaf.estimate(call).error().code(), Code::kFailedPrecondition);
}

TEST_F(LeafTest, SettlesWhatItCameToAndGivesTheRestBack) {
  Leaf leaf = make({.amounts = {{10'000}, 10'000, 5}});
  ASSERT_TRUE(leaf.reserve(id(1), {{2000}, 1000, 0}));
  EXPECT_EQ(leaf.view().reserved, (Amounts{{2000}, 1000, 0}));
  const Amounts charge = leaf.settle(id(1), model_call_, used({.input = 500, .cached_input = 200, .output = 10}));
  EXPECT_EQ(charge, (Amounts{{300 + 20 + 100}, 310, 0}));
  EXPECT_EQ(leaf.view().spent, charge);
  EXPECT_EQ(leaf.view().reserved, Amounts{});
}

TEST_F(LeafTest, ReservingAndSettlingTwiceChangesNothing) {
  Leaf leaf = make({});
  ASSERT_TRUE(leaf.reserve(id(1), {{2000}, 1000, 1}));
  ASSERT_TRUE(leaf.reserve(id(1), {{2000}, 1000, 1}));
  EXPECT_EQ(leaf.view().reserved.cost.value, 2000);
  const Amounts first = leaf.settle(id(1), model_call_, used({.input = 100}));
  EXPECT_EQ(leaf.settle(id(1), model_call_, used({.input = 999})), first);
  ASSERT_TRUE(leaf.reserve(id(1), {{2000}, 1000, 1}));
  leaf.release(id(1));
  EXPECT_EQ(leaf.charge_in_full(id(1)), first);
  EXPECT_EQ(leaf.view().spent, first);
  EXPECT_EQ(leaf.view().reserved, Amounts{});
}

TEST_F(LeafTest, ReleaseGivesTheWholeReservationBack) {
  Leaf leaf = make({.amounts = {{100}, 0, 0}});
  ASSERT_TRUE(leaf.reserve(id(1), {{100}, 0, 1}));
  leaf.release(id(1));
  leaf.release(id(1));
  leaf.release(id(9));
  EXPECT_EQ(leaf.view().reserved, Amounts{});
  ASSERT_TRUE(leaf.reserve(id(1), {{100}, 0, 1}));
  EXPECT_EQ(leaf.view().reserved.cost.value, 100);
}

TEST_F(LeafTest, UnknownUsageIsChargedInFullAndUnreservedUsageAllTheSame) {
  Leaf leaf = make({});
  ASSERT_TRUE(leaf.reserve(id(1), {{2000}, 1000, 0}));
  Outcome broken = used({.input = 3});
  broken.usage_known = false;
  EXPECT_EQ(leaf.settle(id(1), model_call_, broken), (Amounts{{2000}, 1000, 0}));
  EXPECT_EQ(leaf.settle(id(2), model_call_, used({.input = 7})), (Amounts{{7}, 7, 0}));
  EXPECT_EQ(leaf.view().spent.cost.value, 2007);
  EXPECT_EQ(leaf.view().reserved, Amounts{});
}

TEST_F(LeafTest, EachLimitRefusesByName) {
  const auto refusal = [&](BudgetLimits limits, Amounts amounts) {
    Leaf leaf = make(limits);
    const auto result = leaf.reserve(id(1), amounts);
    EXPECT_FALSE(result);
    EXPECT_TRUE(leaf.exhausted());
    EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
    EXPECT_THAT(result.error().message(), HasSubstr("ns/mission"));
    return result.error().message();
  };
  EXPECT_THAT(refusal({.amounts = {{500'000}, 0, 0}}, {{500'001}, 1, 1}), HasSubstr("$0.50"));
  EXPECT_THAT(refusal({.amounts = {{0}, 10, 0}}, {{1}, 11, 1}), HasSubstr("11 tokens needed, 10 of 10 left"));
  EXPECT_THAT(refusal({.amounts = {{0}, 0, 1}}, {{1}, 1, 2}), HasSubstr("calls"));
  Leaf unlimited = make({});
  EXPECT_TRUE(unlimited.reserve(id(1), {{500'001}, 11, 2}));
  EXPECT_EQ(unlimited.reserve(id(2), {{-1}, 0, 0}).error().code(), Code::kInvalidArgument);
}

TEST_F(LeafTest, ActiveTimeStandsStillWhileSomebodyIsAsked) {
  Leaf leaf = make({.active_duration = seconds(10)});
  clock_.advance(seconds(5));
  leaf.resume_clock();
  leaf.resume_clock();
  clock_.advance(seconds(4));
  leaf.pause_clock();
  leaf.pause_clock();
  clock_.advance(seconds(1000));
  EXPECT_EQ(leaf.view().active_used, seconds(4));
  EXPECT_EQ(leaf.active_left(), seconds(6));
  EXPECT_FALSE(leaf.exhausted());
  leaf.resume_clock();
  clock_.advance(seconds(6));
  EXPECT_TRUE(leaf.exhausted());
  EXPECT_THAT(leaf.reserve(id(1), {}).error().message(), HasSubstr("active duration of 10.0 s"));
}

TEST_F(LeafTest, TheReserveForThePartialResultIsSetAsideUntilReleased) {
  const Amounts limit{{1000}, 0, 0};
  Leaf leaf = make({.amounts = limit}, default_return_reserve(limit));
  EXPECT_EQ(leaf.view().reserved.cost.value, 100);
  ASSERT_TRUE(leaf.reserve(id(1), {{900}, 0, 0}));
  EXPECT_TRUE(leaf.exhausted());
  EXPECT_THAT(leaf.reserve(id(2), {{50}, 0, 0}).error().message(), HasSubstr("set aside"));
  leaf.release_return_reserve();
  EXPECT_FALSE(leaf.exhausted());
  EXPECT_TRUE(leaf.reserve(id(2), {{100}, 0, 0}));
  EXPECT_TRUE(leaf.exhausted());
}

TEST_F(LeafTest, ABudgetIsRaisedWhileItRuns) {
  Leaf leaf = make({.amounts = {{100}, 10, 0}, .active_duration = seconds(1)});
  EXPECT_FALSE(leaf.reserve(id(1), {{150}, 0, 0}));
  EXPECT_FALSE(leaf.raise({.amounts = {{99}, 10, 0}, .active_duration = seconds(1)}));
  EXPECT_FALSE(leaf.raise({.amounts = {{100}, 10, 5}, .active_duration = seconds(1)}));
  EXPECT_TRUE(leaf.raise({.amounts = {{200}, 0, 0}, .active_duration = seconds(2)}));
  EXPECT_FALSE(leaf.exhausted());
  EXPECT_TRUE(leaf.reserve(id(1), {{150}, 9999, 0}));
}

TEST_F(LeafTest, ReplayRebuildsWhatStoodBefore) {
  const BudgetLimits limits{.amounts = {{10'000}, 100'000, 10}};
  Leaf live = make(limits);
  std::vector<RunRecord> log;
  const auto both = [&](std::uint64_t call, std::uint32_t attempt, Amounts amounts) {
    ASSERT_TRUE(live.reserve(id(call, attempt), amounts));
    log.push_back(record(call, Reserved{attempt, amounts}));
  };
  log.push_back(record(0, PhaseChanged{.phase = "Running"}));
  live.resume_clock();
  both(1, 1, {{100}, 50, 0});
  clock_.advance(seconds(3));
  const Outcome outcome = used({.input = 20, .output = 2});
  log.push_back(record(1, Settled{1, outcome, live.settle(id(1), model_call_, outcome)}));
  live.pause_clock();
  log.push_back(record(0, PhaseChanged{.phase = "WaitingForApproval"}));
  clock_.advance(seconds(60));
  log.push_back(record(0, PhaseChanged{.phase = "Running"}));
  live.resume_clock();
  both(2, 1, {{70}, 10, 1});
  live.release(id(2));
  log.push_back(record(2, Judged{Verdict::deny("judge", "", "no")}));
  both(3, 2, {{50}, 10, 1});
  ASSERT_TRUE(live.raise({.amounts = {{20'000}, 100'000, 10}}));
  log.push_back(record(0, BudgetChanged{.limit = {{20'000}, 100'000, 10}}));
  clock_.advance(seconds(2));
  live.pause_clock();
  log.push_back(record(0, Note{"the last one before the crash"}));
  clock_.advance(seconds(500));
  log.push_back(record(0, RunBegan{.resumed = true}));

  Leaf rebuilt = make(limits);
  for (const RunRecord& entry : log) rebuilt.replay(entry);
  EXPECT_EQ(rebuilt.view().spent, live.view().spent);
  EXPECT_EQ(rebuilt.view().reserved, live.view().reserved);
  EXPECT_EQ(rebuilt.view().limit, live.view().limit);
  EXPECT_EQ(rebuilt.view().active_used, seconds(5));
  EXPECT_EQ(live.view().active_used, seconds(5));
  const auto open = rebuilt.unsettled();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].attempt, id(3, 2));
  Leaf reconciled = rebuilt;
  EXPECT_EQ(rebuilt.charge_in_full(id(3, 2)).cost.value, 50);
  EXPECT_EQ(rebuilt.view().spent.cost, live.view().spent.cost + MicroUsd{50});
  reconciled.release(id(3, 2));
  EXPECT_EQ(reconciled.view().spent, live.view().spent);
  EXPECT_EQ(reconciled.view().reserved, Amounts{});
}

TEST_F(LeafTest, OpenAttemptsAreBounded) {
  Leaf leaf = make({});
  for (std::size_t i = 1; i <= kOpenAttempts; ++i) ASSERT_TRUE(leaf.reserve(id(i), {{1}, 1, 1}));
  const auto refused = leaf.reserve(id(kOpenAttempts + 1), {{1}, 1, 1});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("kOpenAttempts"));
  leaf.release(id(1));
  EXPECT_TRUE(leaf.reserve(id(kOpenAttempts + 1), {{1}, 1, 1}));
}

// Random interleavings: the limit holds at every step, and the sums are those of the attempts.
class LeafPropertyTest : public testing::TestWithParam<int> {};

TEST_P(LeafPropertyTest, SpentAndReservedNeverPassTheLimit) {
  SeededRng rng(std::uint64_t(GetParam()) + 17);
  SimulatedClock clock;
  const Ulid run = Ulid::make(clock, rng);
  const Amounts limit{
      {std::int64_t(rng.below(5000)) + 100}, std::int64_t(rng.below(5000)) + 100, std::int64_t(rng.below(50)) + 5};
  PriceTable prices;
  ASSERT_TRUE(prices.add_override("*", "*",
                                  {.input = 1'000'000,
                                   .cached_input = 1'000'000,
                                   .cache_write = 1'000'000,
                                   .output = 1'000'000,
                                   .reasoning = 1'000'000}));
  Leaf leaf({.run = run,
             .account = "a",
             .limits = {.amounts = limit},
             .return_reserve = default_return_reserve(limit),
             .prices = prices},
            clock);
  Action call;
  call.kind = ActionKind::kModelCall;
  call.model_request = std::make_shared<ModelRequest>();
  std::map<std::uint64_t, Amounts> open, settled;
  for (int step = 0; step < 400; ++step) {
    const AttemptId id{run, rng.below(60) + 1, 1};
    const Amounts amounts{{std::int64_t(rng.below(400))}, std::int64_t(rng.below(400)), std::int64_t(rng.below(3))};
    const bool fresh = !open.contains(id.call) && !settled.contains(id.call);
    switch (rng.below(4)) {
      case 0:
      case 1:
        if (leaf.reserve(id, amounts) && fresh) open[id.call] = amounts;
        break;
      case 2: {
        if (fresh) break;
        Outcome outcome;
        const Amounts reserved = open.contains(id.call) ? open[id.call] : Amounts{};
        const auto most = std::min(reserved.cost.value, reserved.tokens);
        outcome.usage.input = most > 0 ? std::int64_t(rng.below(std::uint64_t(most) + 1)) : 0;
        outcome.usage_known = rng.below(4) != 0;
        const Amounts charge = leaf.settle(id, call, outcome);
        if (const auto before = settled.find(id.call); before != settled.end()) ASSERT_EQ(before->second, charge);
        settled[id.call] = charge;
        open.erase(id.call);
        break;
      }
      case 3: leaf.release(id); open.erase(id.call);
    }
    Amounts spent, reserved = default_return_reserve(limit);
    const auto add = [](Amounts& to, const Amounts& more) {
      to.cost += more.cost, to.tokens += more.tokens, to.calls += more.calls;
    };
    for (const auto& [key, value] : settled) add(spent, value);
    for (const auto& [key, value] : open) add(reserved, value);
    const BudgetView view = leaf.view();
    ASSERT_EQ(view.spent, spent);
    ASSERT_EQ(view.reserved, reserved);
    ASSERT_LE(view.spent.cost + view.reserved.cost, limit.cost);
    ASSERT_LE(view.spent.tokens + view.reserved.tokens, limit.tokens);
    ASSERT_LE(view.spent.calls + view.reserved.calls, limit.calls);
    ASSERT_EQ(leaf.unsettled().size(), open.size());
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LeafPropertyTest, testing::Range(0, 100));

}  // namespace
}  // namespace remit::ledger

#include "action/pipeline.h"

#include <type_traits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "core/event_channel.h"

namespace remit::action {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The proof that there is no way around the pipeline is a matter of types: nobody else can make, copy or default-make a
// Permit.
static_assert(!std::is_default_constructible_v<Permit>);
static_assert(!std::is_copy_constructible_v<Permit>);
static_assert(!std::is_constructible_v<Permit, std::shared_ptr<const Action>, std::uint32_t, Amounts>);
static_assert(!std::is_invocable_v<decltype(&Executor::start), Executor&, const Action&, CallContext>);
static_assert(std::is_invocable_v<decltype(&Executor::start), Executor&, Permit&&, CallContext>);

class MemoryLog final : public RunLog {
 public:
  using RunLog::RunLog;
  Task<Result<>> wait_durable(std::uint64_t sequence) override {
    waited.push_back(sequence);
    if (full) co_return fail(Code::kResourceExhausted, "disk full");
    co_return Result<>{};
  }
  std::vector<std::string> types;
  std::vector<std::uint64_t> waited;
  bool full = false;

 protected:
  Result<> write(std::uint64_t, std::string bytes) override {
    if (full) return fail(Code::kResourceExhausted, "disk full");
    const auto object = parse_json_object(bytes);
    types.emplace_back(get_string(*object, "type"));
    return {};
  }
};

class CountingLedger final : public Ledger {
 public:
  Result<Amounts> estimate(const Action&) const override { return Amounts{{10}, 5, 1}; }
  Result<> reserve(const AttemptId&, const Amounts& amounts) override {
    if (exhausted) return fail(Code::kResourceExhausted, "budget: mission has 0 calls left");
    reserved += amounts.calls;
    return {};
  }
  void release(const AttemptId&) override { --reserved; }
  Amounts settle(const AttemptId&, const Action&, const Outcome&) override {
    --reserved, ++settled;
    return {{7}, 3, 1};
  }
  BudgetView view() const override { return {}; }
  bool exhausted = false;
  std::int64_t reserved = 0, settled = 0;
};

class FixedStage final : public Stage {
 public:
  FixedStage(std::string name, Verdict verdict) : name_(std::move(name)), verdict_(std::move(verdict)) {}
  std::string_view name() const override { return name_; }
  Task<Verdict> decide(const Action&, const CallContext&, const Verdict& so_far) override {
    ++asked;
    if (verdict_.layer.empty()) co_return so_far;
    co_return verdict_;
  }
  StreamControl on_event(const Action&, const CallContext&, const Event& event) override {
    const auto* chunk = std::get_if<Chunk>(&event);
    if (!chunk) return StreamControl::kPass;
    if (chunk->bytes == cut_on) return StreamControl::kCut;
    return chunk->bytes == hold_on ? StreamControl::kHold : StreamControl::kPass;
  }
  int asked = 0;
  std::string hold_on = "-", cut_on = "-";

 private:
  std::string name_;
  Verdict verdict_;
};

class ScriptExecutor final : public Executor {
 public:
  ScriptExecutor(asio::any_io_executor executor, std::vector<std::string> chunks)
      : executor_(executor), chunks_(std::move(chunks)) {}
  std::unique_ptr<Call> start(Permit&& permit, CallContext) override {
    ++started;
    tool = permit.action().tool;
    return make_call(executor_, [this](std::shared_ptr<EventSink> sink) { return play(this, std::move(sink)); });
  }
  int started = 0;
  std::string tool;
  std::optional<CancelReason> cancelled;
  Clock* hang = nullptr;

 private:
  static Task<Outcome> play(ScriptExecutor* self, std::shared_ptr<EventSink> sink) {
    sink->on_cancel([self](CancelReason reason) { self->cancelled = reason; });
    for (const auto& chunk : self->chunks_) co_await sink->send(Chunk{Chunk::Stream::kText, chunk});
    while (self->hang && !sink->cancelled()) co_await self->hang->sleep_for(std::chrono::seconds(1));
    Outcome outcome;
    outcome.ok = !sink->cancelled();
    outcome.text = "result";
    co_return outcome;
  }
  asio::any_io_executor executor_;
  std::vector<std::string> chunks_;
};

struct Bed {
  asio::io_context io;
  SimulatedClock clock;
  SeededRng rng{1};
  MemoryLog log{clock};
  CountingLedger ledger;
  ScriptExecutor executor{io.get_executor(), {"a", "b", "c"}};
  ExecutorTable table;
  FixedStage permissions{"permissions", Verdict::allow("permissions", "read")};
  FixedStage human{"human", Verdict{.layer = ""}};

  Pipeline make() {
    table.add("files.", executor);
    return Pipeline({io.get_executor(), Ulid::make(clock, rng), clock, log, ledger, table, {&permissions}, {&human}});
  }
  static Action action(std::string tool = "files.read") {
    Action action;
    action.tool = std::move(tool);
    action.effect = Effect::kReadOnly;
    return action;
  }
};

Task<> run_one(Pipeline* pipeline, Action action, CallContext context, Pipeline::Ran* ran) {
  *ran = co_await pipeline->run(std::move(action), context);
}

Pipeline::Ran run(Bed& bed, Pipeline& pipeline, Action action, CallContext context = {}) {
  Pipeline::Ran ran;
  asio::co_spawn(bed.io, run_one(&pipeline, std::move(action), context, &ran), asio::detached);
  bed.io.restart();
  bed.io.run();
  return ran;
}

TEST(Pipeline, AnAllowedActionRunsAndIsRecordedInOrder) {
  Bed bed;
  auto pipeline = bed.make();
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_TRUE(ran.outcome.ok);
  EXPECT_EQ(ran.number, 1u);
  EXPECT_EQ(ran.verdict.rule, "read");
  EXPECT_THAT(bed.log.types, ElementsAre("Proposed", "Judged", "Reserved", "Started", "Settled"));
  EXPECT_EQ(bed.ledger.reserved, 0);
  EXPECT_EQ(bed.ledger.settled, 1);
  EXPECT_TRUE(bed.log.waited.empty()) << "a read rides with the group";
}

TEST(Pipeline, ADenialIsExplainedAndNothingRuns) {
  Bed bed;
  bed.permissions = FixedStage("permissions", Verdict::deny("permissions", "no-net", "egress allows nothing"));
  auto pipeline = bed.make();
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_FALSE(ran.outcome.ok);
  EXPECT_THAT(ran.outcome.text, HasSubstr("files.read was denied by permissions (rule no-net): egress allows nothing"));
  EXPECT_EQ(bed.executor.started, 0);
  EXPECT_THAT(bed.log.types, ElementsAre("Proposed", "Judged"));
  EXPECT_EQ(bed.human.asked, 0);
}

TEST(Pipeline, AuditModeRecordsTheDenialAndGoesOn) {
  Bed bed;
  auto verdict = Verdict::deny("permissions", "no-net", "would be denied");
  verdict.audit_only = true;
  bed.permissions = FixedStage("permissions", verdict);
  auto pipeline = bed.make();
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_TRUE(ran.outcome.ok);
  EXPECT_EQ(ran.verdict.decision, Decision::kDeny);
  EXPECT_TRUE(ran.verdict.audit_only);
}

TEST(Pipeline, UnknownToolsAreDenied) {
  Bed bed;
  auto pipeline = bed.make();
  EXPECT_EQ(run(bed, pipeline, Bed::action("mail.send")).verdict.rule, "unknown tool");
}

TEST(Pipeline, AnExhaustedBudgetDeniesBeforeAnyoneIsAsked) {
  Bed bed;
  bed.ledger.exhausted = true;
  auto pipeline = bed.make();
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_EQ(ran.verdict.layer, "budget");
  EXPECT_EQ(bed.human.asked, 0);
  EXPECT_EQ(bed.executor.started, 0);
}

TEST(Pipeline, AnAskThatNobodyAnswersGivesItsReservationBack) {
  Bed bed;
  Verdict ask;
  ask.decision = Decision::kAsk, ask.layer = "permissions", ask.rule = "ask-net";
  bed.permissions = FixedStage("permissions", ask);
  auto pipeline = bed.make();
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_EQ(ran.verdict.decision, Decision::kAsk);
  EXPECT_EQ(bed.human.asked, 1);
  EXPECT_EQ(bed.ledger.reserved, 0);
  EXPECT_EQ(bed.ledger.settled, 0);
}

TEST(Pipeline, AHumanCanAnswerAnAsk) {
  Bed bed;
  Verdict ask;
  ask.decision = Decision::kAsk, ask.layer = "permissions";
  bed.permissions = FixedStage("permissions", ask);
  bed.human = FixedStage("human", Verdict::allow("human", "grant"));
  auto pipeline = bed.make();
  EXPECT_TRUE(run(bed, pipeline, Bed::action()).outcome.ok);
}

TEST(Pipeline, StartedIsDurableBeforeAnIrreversibleEffect) {
  Bed bed;
  auto pipeline = bed.make();
  auto action = Bed::action();
  action.effect = Effect::kIrreversible;
  run(bed, pipeline, action);
  EXPECT_THAT(bed.log.waited, ElementsAre(4));  // The Started record.
}

TEST(Pipeline, WhatCannotBeRecordedDoesNotHappen) {
  Bed bed;
  auto pipeline = bed.make();
  bed.log.full = true;
  const auto ran = run(bed, pipeline, Bed::action());
  EXPECT_EQ(ran.verdict.decision, Decision::kUnavailable);
  EXPECT_THAT(ran.outcome.text, HasSubstr("disk full"));
  EXPECT_EQ(bed.executor.started, 0);
}

Task<> collect(Pipeline* pipeline, std::vector<std::string>* seen) {
  auto governed = co_await pipeline->govern(Bed::action(), {});
  for (;;) {
    Event event = co_await governed.call->next();
    if (const auto* chunk = std::get_if<Chunk>(&event)) seen->push_back(chunk->bytes);
    if (const auto* done = std::get_if<Done>(&event)) {
      seen->push_back(done->outcome.ok ? "ok" : "not ok");
      co_return;
    }
  }
}

TEST(Pipeline, HeldEventsComeOutInOrderBehindThePassThatFreesThem) {
  Bed bed;
  bed.permissions.hold_on = "b";
  auto pipeline = bed.make();
  std::vector<std::string> seen;
  asio::co_spawn(bed.io, collect(&pipeline, &seen), asio::detached);
  bed.io.run();
  EXPECT_THAT(seen, ElementsAre("a", "b", "c", "ok"));
}

TEST(Pipeline, ACutEndsTheCallWithoutWhatWasHeld) {
  Bed bed;
  bed.permissions.hold_on = "b", bed.permissions.cut_on = "c";
  auto pipeline = bed.make();
  std::vector<std::string> seen;
  asio::co_spawn(bed.io, collect(&pipeline, &seen), asio::detached);
  bed.io.run();
  EXPECT_THAT(seen, ElementsAre("a", "not ok"));
  EXPECT_EQ(bed.executor.cancelled, CancelReason::kStopped);
}

Task<> start_and_drop(Pipeline* pipeline) { co_await pipeline->govern(Bed::action(), {}); }

TEST(Pipeline, ADroppedCallIsCancelledAndStillSettled) {
  Bed bed;
  bed.executor.hang = &bed.clock;
  auto pipeline = bed.make();
  asio::co_spawn(bed.io, start_and_drop(&pipeline), asio::detached);
  bed.io.poll();
  bed.clock.advance(std::chrono::seconds(1));
  bed.io.poll();
  EXPECT_EQ(bed.executor.cancelled, CancelReason::kClient);
  EXPECT_EQ(bed.ledger.settled, 1);
  EXPECT_EQ(pipeline.open_calls(), 0u);
}

TEST(Pipeline, TheDeadlineCancels) {
  Bed bed;
  bed.executor.hang = &bed.clock;
  auto pipeline = bed.make();
  CallContext context;
  context.deadline = bed.clock.steady_now() + std::chrono::seconds(5);
  Pipeline::Ran ran;
  asio::co_spawn(bed.io, run_one(&pipeline, Bed::action(), context, &ran), asio::detached);
  for (int i = 0; i < 7; ++i) bed.io.poll(), bed.clock.advance(std::chrono::seconds(1));
  bed.io.poll();
  EXPECT_EQ(bed.executor.cancelled, CancelReason::kDeadline);
  EXPECT_FALSE(ran.outcome.ok);
}

TEST(Pipeline, ACallThatIsQuickerThanItsDeadlineLeavesNoTimerBehind) {
  Bed bed;
  SystemClock real;
  auto pipeline =
      Pipeline({bed.io.get_executor(), Ulid::make(bed.clock, bed.rng), real, bed.log, bed.ledger, bed.table, {}, {}});
  bed.table.add("files.", bed.executor);
  CallContext context;
  context.deadline = real.steady_now() + std::chrono::hours(1);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(run(bed, pipeline, Bed::action(), context).outcome.ok);  // Returns when nothing waits any more.
}

Task<> nest(Pipeline* pipeline, std::size_t depth, std::string* refused) {
  CallContext context;
  std::vector<Governed> open;
  for (std::size_t i = 0; i < depth; ++i) {
    open.push_back(co_await pipeline->govern(Bed::action(), context));
    if (!open.back().call) {
      *refused = open.back().verdict.reason;
      co_return;
    }
    context = open.back().context;
  }
}

TEST(Pipeline, NestingAndOpenCallsAreBounded) {
  Bed bed;
  bed.executor.hang = &bed.clock;
  auto pipeline = bed.make();
  std::string refused;
  asio::co_spawn(bed.io, nest(&pipeline, kMaxNesting, &refused), asio::detached);
  bed.io.poll();
  EXPECT_EQ(refused, "");
  asio::co_spawn(bed.io, nest(&pipeline, kMaxNesting + 1, &refused), asio::detached);
  bed.io.poll();
  EXPECT_THAT(refused, HasSubstr("deep"));
}

Task<> open_many(Pipeline* pipeline, std::size_t count, std::vector<Governed>* open, bool* nested) {
  for (std::size_t i = 0; i < count; ++i) open->push_back(co_await pipeline->govern(Bed::action(), {}));
  *nested = (co_await pipeline->permit_nested(Bed::action("workspace.write"), open->front().context)).has_value();
}

TEST(Pipeline, OpenCallsAreBoundedButWhatTheyCauseIsNot) {
  Bed bed;
  bed.executor.hang = &bed.clock;
  auto pipeline = bed.make();
  std::vector<Governed> open;
  bool nested = false;
  asio::co_spawn(bed.io, open_many(&pipeline, kMaxOpenCalls + 1, &open, &nested), asio::detached);
  bed.io.poll();
  ASSERT_EQ(open.size(), kMaxOpenCalls + 1);
  EXPECT_TRUE(open[kMaxOpenCalls - 1].call);
  EXPECT_FALSE(open.back().call);
  EXPECT_THAT(open.back().verdict.reason, HasSubstr("under way"));
  EXPECT_TRUE(nested) << "a command must be able to keep its files";
}

class SlowStage final : public Stage {
 public:
  explicit SlowStage(Clock& clock) : clock_(clock) {}
  std::string_view name() const override { return "slow"; }
  Task<Verdict> decide(const Action&, const CallContext&, const Verdict&) override {
    co_await clock_.sleep_for(std::chrono::seconds(1));
    co_return Verdict::allow("slow", "");
  }

 private:
  Clock& clock_;
};

TEST(Pipeline, WhatIsCancelledWhileItIsJudgedDoesNotBegin) {
  Bed bed;
  SlowStage slow(bed.clock);
  bed.table.add("files.", bed.executor);
  Pipeline pipeline(
      {bed.io.get_executor(), Ulid::make(bed.clock, bed.rng), bed.clock, bed.log, bed.ledger, bed.table, {}, {&slow}});
  Pipeline::Ran ran;
  asio::co_spawn(bed.io, run_one(&pipeline, Bed::action(), {}, &ran), asio::detached);
  bed.io.poll();
  pipeline.cancel_all(CancelReason::kStopped);
  bed.clock.advance(std::chrono::seconds(1));
  bed.io.poll();
  EXPECT_EQ(bed.executor.started, 0);
  EXPECT_EQ(ran.verdict.decision, Decision::kUnavailable);
  EXPECT_EQ(bed.ledger.reserved, 0);
  EXPECT_THAT(bed.log.types, ElementsAre("Proposed", "Judged"));
}

Task<> wait_until_idle(Pipeline* pipeline, bool* idle) {
  co_await pipeline->wait_idle();
  *idle = true;
}

TEST(Pipeline, CanBeWaitedForUntilADroppedCallIsDrained) {
  Bed bed;
  bed.executor.hang = &bed.clock;
  auto pipeline = bed.make();
  bool idle = false;
  asio::co_spawn(bed.io, start_and_drop(&pipeline), asio::detached);
  asio::co_spawn(bed.io, wait_until_idle(&pipeline, &idle), asio::detached);
  bed.io.poll();
  EXPECT_FALSE(idle);
  bed.clock.advance(std::chrono::seconds(1));
  bed.io.poll();
  EXPECT_TRUE(idle);
}

TEST(RunLog, StaysReadableWhateverBytesAreRecorded) {
  Bed bed;
  auto pipeline = bed.make();
  auto action = Bed::action();
  action.resource = "caf\xe9";
  run(bed, pipeline, action);
  EXPECT_THAT(bed.log.types, ElementsAre("Proposed", "Judged", "Reserved", "Started", "Settled"));
}

Task<> permit(Pipeline* pipeline, bool* allowed) {
  CallContext parent;
  auto result = co_await pipeline->permit_nested(Bed::action("workspace.write"), parent);
  *allowed = result.has_value();
}

TEST(Pipeline, NestedActionsAreJudgedAndRecordedWithoutABill) {
  Bed bed;
  auto pipeline = bed.make();
  bool allowed = false;
  asio::co_spawn(bed.io, permit(&pipeline, &allowed), asio::detached);
  bed.io.run();
  EXPECT_TRUE(allowed);
  EXPECT_THAT(bed.log.types, ElementsAre("Proposed", "Judged"));
  EXPECT_EQ(bed.ledger.reserved, 0);
}

}  // namespace
}  // namespace remit::action

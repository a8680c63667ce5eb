// The built-in agent over a real pipeline and catalogue; its model is a script, its tools note what they were asked.
#include "agent/builtin_agent.h"

#include <deque>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "core/event_channel.h"

namespace remit::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Keeps what it is given as it would come back from the disk.
class MemoryLog final : public action::RunLog {
 public:
  using RunLog::RunLog;
  Task<Result<>> wait_durable(std::uint64_t) override { co_return Result<>{}; }
  std::vector<RunRecord> records;

 protected:
  Result<> write(std::uint64_t, std::string bytes) override {
    REMIT_TRY(const auto object, parse_json_object(bytes));
    REMIT_TRY(auto record, run_record_from_json(object));
    records.push_back(std::move(record));
    return {};
  }
};

// Counts calls of the model only.
class TurnLedger final : public Ledger {
 public:
  Result<Amounts> estimate(const Action& action) const override {
    return Amounts{{}, 0, action.kind == ActionKind::kModelCall ? 1 : 0};
  }
  Result<> reserve(const AttemptId&, const Amounts& amounts) override {
    if (amounts.calls > turns_left) return fail(Code::kResourceExhausted, "no turns left");
    turns_left -= amounts.calls;
    return {};
  }
  void release(const AttemptId&) override {}
  Amounts settle(const AttemptId&, const Action&, const Outcome&) override { return {}; }
  BudgetView view() const override { return {}; }
  std::int64_t turns_left = 1000;
};

class TestStage final : public Stage {
 public:
  std::string_view name() const override { return "permissions"; }
  Task<Verdict> decide(const Action& action, const CallContext&, const Verdict&) override {
    if (action.tool == "http.request") co_return Verdict::deny("permissions", "egress", "no address may be reached");
    if (action.tool == "files.write" && !approved) {
      auto verdict = Verdict::deny("human", "", "a human is asked");
      verdict.decision = Decision::kAsk, verdict.approval = "approval-1";
      co_return verdict;
    }
    co_return Verdict::allow("permissions", "all");
  }
  bool approved = false;
};

class ScriptedModel final : public Executor {
 public:
  explicit ScriptedModel(asio::any_io_executor executor) : executor_(executor) {}
  std::unique_ptr<Call> start(Permit&& permit, CallContext) override {
    requests.push_back(*permit.action().model_request);
    return make_call(executor_, [this](std::shared_ptr<EventSink>) { return answer(this); });
  }
  void say(std::string text, std::vector<ToolUse> uses = {}, StopReason stop = StopReason::kEnd) {
    ModelResponse response;
    response.message.role = Role::kAssistant, response.message.text = std::move(text),
    response.message.tool_uses = std::move(uses);
    response.stop = response.message.tool_uses.empty() ? stop : StopReason::kToolUse;
    answers.push_back(std::move(response));
  }
  std::deque<ModelResponse> answers;
  std::vector<ModelRequest> requests;

 private:
  static Task<Outcome> answer(ScriptedModel* self) {
    if (self->answers.empty()) co_return failed_outcome(Error(Code::kUnavailable, "the script is over"));
    Outcome outcome;
    outcome.ok = true;
    outcome.response = self->answers.front();
    self->answers.pop_front();
    co_return outcome;
  }
  asio::any_io_executor executor_;
};

class FakeTools final : public Executor {
 public:
  FakeTools(asio::any_io_executor executor, Clock& clock) : executor_(executor), clock_(clock) {}
  std::unique_ptr<Call> start(Permit&& permit, CallContext) override {
    started.push_back(permit.action().resource);
    return make_call(executor_,
                     [this, path = permit.action().resource](std::shared_ptr<EventSink>) { return play(this, path); });
  }
  std::vector<std::string> started;
  std::map<std::string, std::string> texts;  // Resource → what comes back; by default "content of RESOURCE".
  Duration takes{0};
  std::size_t most_at_once = 0;

 private:
  static Task<Outcome> play(FakeTools* self, std::string path) {
    self->most_at_once = std::max(self->most_at_once, ++self->running_);
    if (self->takes > Duration(0)) co_await self->clock_.sleep_for(self->takes);
    --self->running_;
    const auto text = self->texts.find(path);
    Outcome outcome;
    outcome.ok = true;
    outcome.text = text == self->texts.end() ? "content of " + path : text->second;
    co_return outcome;
  }
  asio::any_io_executor executor_;
  Clock& clock_;
  std::size_t running_ = 0;
};

class TestHost final : public Host {
 public:
  Task<bool> proceed() override { co_return ++asked <= stop_after; }
  Task<bool> wait_for_approval(std::string approval) override {
    awaited.push_back(approval);
    if (on_approval) on_approval();
    co_return !on_approval ? false : true;
  }
  void note(std::string message) override { notes.push_back(std::move(message)); }
  int asked = 0, stop_after = 1'000'000;
  std::function<void()> on_approval;
  std::vector<std::string> awaited, notes;
};

ToolUse read_file(std::string id, std::string path) {
  return {std::move(id), "files_read", fmt::format(R"({{"path": "{}"}})", path)};
}
ToolUse finish(std::string answer) { return {"f", "finish", fmt::format(R"({{"answer": "{}"}})", answer)}; }

Task<> work(BuiltinAgent* agent, std::optional<AgentEnd>* end) { *end = co_await agent->work(); }

struct Bed {
  asio::io_context io;
  SimulatedClock clock;
  SeededRng rng{1};
  Ulid run = Ulid::make(clock, rng);
  MemoryLog log{clock};
  TurnLedger ledger;
  ScriptedModel model{io.get_executor()};
  FakeTools tools{io.get_executor(), clock};
  TestStage stage;
  TestHost host;
  action::ExecutorTable table;
  mesh::Catalogue catalogue{[](std::string_view path) -> Result<std::string> { return std::string(path); }};
  std::optional<action::Pipeline> pipeline;
  std::function<LoopWatch::Signal(const std::string&, const std::string&)> loop_watch;
  std::function<void()> release_reserve;
  std::string exhausted;

  Bed() {
    for (auto& tool : mesh::built_in_tools()) EXPECT_TRUE(catalogue.add(std::move(tool)));
    table.add("model.call", model);
    for (const char* tool : {"files.", "shell.run", "http.request"}) table.add(tool, tools);
    pipeline.emplace(action::PipelineParts{io.get_executor(), run, clock, log, ledger, table, {&stage}, {}});
  }
  BuiltinAgent agent() {
    BuiltinAgentParts parts{.pipeline = *pipeline, .catalogue = catalogue, .host = host, .loop_watch = {loop_watch}};
    parts.provider = "default", parts.model = "some-model", parts.goal = "the goal", parts.briefing = "the briefing";
    parts.budget_exhausted = [this] { return exhausted; };
    parts.release_return_reserve = release_reserve;
    return BuiltinAgent(std::move(parts));
  }
  AgentEnd work(BuiltinAgent& agent) {
    std::optional<AgentEnd> end;
    io.restart();
    asio::co_spawn(io, agent::work(&agent, &end), asio::detached);
    for (int i = 0; i < 100 && !end; ++i) io.poll(), clock.advance(std::chrono::seconds(1));
    EXPECT_TRUE(end) << "the agent did not come to an end";
    return end.value_or(AgentEnd{});
  }
  AgentEnd work() {
    auto fresh = agent();
    return work(fresh);
  }
  // The tool results that the model was last shown.
  std::vector<std::string> results() const {
    std::vector<std::string> texts;
    for (const auto& message : model.requests.back().messages) {
      if (message.role == Role::kTool) texts.push_back(message.text);
    }
    return texts;
  }
};

TEST(BuiltinAgent, WorksThroughToolsUntilItFinishes) {
  Bed bed;
  bed.model.say("I look.", {read_file("1", "a.txt")});
  bed.model.say("", {finish("all read")});
  const auto end = bed.work();
  EXPECT_EQ(end.kind, EndKind::kFinished);
  EXPECT_EQ(end.answer, "all read");
  EXPECT_THAT(bed.tools.started, ElementsAre("a.txt"));
  EXPECT_THAT(bed.results(), ElementsAre("content of a.txt"));
  EXPECT_EQ(bed.model.requests[0].messages[1].text, "the goal");
  EXPECT_THAT(bed.model.requests[0].messages[0].text, HasSubstr("the briefing"));
}

TEST(BuiltinAgent, ATextWithoutToolsIsItsAnswer) {
  Bed bed;
  bed.model.say("done");
  EXPECT_EQ(bed.work().answer, "done");
}

TEST(BuiltinAgent, EmptyAnswersAreBounded) {
  Bed bed;
  for (int i = 0; i < kEmptyAnswers; ++i) bed.model.say("");
  EXPECT_EQ(bed.work().kind, EndKind::kFailed);
  EXPECT_EQ(bed.model.requests.size(), std::size_t(kEmptyAnswers));
  EXPECT_THAT(bed.model.requests.back().messages.back().text, HasSubstr("empty"));
}

TEST(BuiltinAgent, AnAnswerThatWasCutOffIsContinued) {
  Bed bed;
  bed.model.say("the first half", {}, StopReason::kLength);
  bed.model.say("done");
  EXPECT_EQ(bed.work().answer, "done");
  EXPECT_THAT(bed.model.requests[1].messages.back().text, HasSubstr("cut off"));
}

TEST(BuiltinAgent, CallsOfOneTurnRunSideBySideAndKeepTheirOrder) {
  Bed bed;
  bed.tools.takes = std::chrono::seconds(1);
  std::vector<ToolUse> uses;
  for (int i = 0; i < 20; ++i) uses.push_back(read_file(fmt::to_string(i), fmt::format("{}.txt", i)));
  bed.model.say("", uses);
  bed.model.say("done");
  bed.work();
  EXPECT_EQ(bed.tools.most_at_once, kParallelCalls);
  ASSERT_EQ(bed.results().size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(bed.results()[i], fmt::format("content of {}.txt", i));
}

TEST(BuiltinAgent, CallsOfOneTurnAreBounded) {
  Bed bed;
  std::vector<ToolUse> uses;
  for (std::size_t i = 0; i <= kCallsPerTurn; ++i) uses.push_back(read_file(fmt::to_string(i), "a"));
  bed.model.say("", uses);
  bed.model.say("done");
  bed.work();
  EXPECT_EQ(bed.tools.started.size(), kCallsPerTurn);
  EXPECT_THAT(bed.results().back(), HasSubstr("not run"));
}

TEST(BuiltinAgent, WrongArgumentsAndRefusalsReachTheModel) {
  Bed bed;
  bed.model.say("", {{"1", "files_read", R"({"file": "a"})"},
                     {"2", "files_reed", "{}"},
                     {"3", "files_read", "{oops"},
                     {"4", "http_request", R"({"url": "https://x.test/"})"}});
  bed.model.say("done");
  bed.work();
  const auto results = bed.results();
  ASSERT_EQ(results.size(), 4u);
  EXPECT_THAT(results[0], HasSubstr("path: missing"));
  EXPECT_THAT(results[1], HasSubstr("files_read"));
  EXPECT_THAT(results[2], HasSubstr("could not be read"));
  EXPECT_THAT(results[3], HasSubstr("no address may be reached"));
  EXPECT_THAT(bed.tools.started, ElementsAre());
  for (const auto& message : bed.model.requests.back().messages)
    EXPECT_TRUE(message.role != Role::kTool || message.is_error);
}

TEST(BuiltinAgent, AnApprovedCallIsTriedAgain) {
  Bed bed;
  bed.host.on_approval = [&] { bed.stage.approved = true; };
  bed.model.say("", {{"1", "files_write", R"({"path": "x", "content": "y"})"}});
  bed.model.say("done");
  EXPECT_EQ(bed.work().kind, EndKind::kFinished);
  EXPECT_THAT(bed.host.awaited, ElementsAre("approval-1"));
  EXPECT_THAT(bed.results(), ElementsAre("content of x"));
}

TEST(BuiltinAgent, AStopEndsItBeforeTheNextStep) {
  Bed bed;
  bed.host.stop_after = 2;  // The first turn and its one call.
  bed.model.say("", {read_file("1", "a")});
  bed.model.say("never asked for");
  EXPECT_EQ(bed.work().kind, EndKind::kStopped);
  EXPECT_EQ(bed.model.requests.size(), 1u);
}

TEST(BuiltinAgent, AStopWhileApprovalIsAwaitedEndsIt) {
  Bed bed;
  bed.host.stop_after = 2;
  bed.model.say("", {{"1", "files_write", R"({"path": "x", "content": "y"})"}});
  EXPECT_EQ(bed.work().kind, EndKind::kStopped);
  EXPECT_THAT(bed.tools.started, ElementsAre());
}

TEST(BuiltinAgent, WithoutBudgetItHandsBackWhatItHas) {
  Bed bed;
  bed.ledger.turns_left = 1;
  bed.release_reserve = [&] { bed.ledger.turns_left = 1; };
  bed.model.say("", {read_file("1", "a")});
  bed.model.say("half of it");
  const auto end = bed.work();
  EXPECT_EQ(end.kind, EndKind::kExhausted);
  EXPECT_EQ(end.answer, "half of it");
  EXPECT_TRUE(bed.model.requests.back().tools.empty()) << "the last turn has no tools";
}

TEST(BuiltinAgent, WithoutAReserveItJustEnds) {
  Bed bed;
  bed.exhausted = "the time is up";
  const auto end = bed.work();
  EXPECT_EQ(end.kind, EndKind::kExhausted);
  EXPECT_EQ(end.reason, "the time is up");
  EXPECT_TRUE(bed.model.requests.empty());
}

TEST(BuiltinAgent, CirclesAreFirstToldAndThenEnded) {
  Bed bed;
  int seen = 0;
  bed.loop_watch = [&](const std::string&, const std::string& text) {
    EXPECT_EQ(text, "content of a");
    return ++seen < 2 ? LoopWatch::Signal::kNone : seen == 2 ? LoopWatch::Signal::kNudge : LoopWatch::Signal::kEscalate;
  };
  for (int i = 0; i < 4; ++i) bed.model.say("", {read_file(fmt::to_string(i), "a")});
  const auto end = bed.work();
  EXPECT_EQ(end.kind, EndKind::kFailed);
  EXPECT_THAT(end.reason, HasSubstr("circles"));
  EXPECT_EQ(seen, 3);
  EXPECT_THAT(bed.results()[1], HasSubstr("try something else"));
}

// Plays `turns` of the model, takes the log of it as a crash would leave it, and goes on from there in a second
// process.
struct Resumed {
  Bed before, after;
  AgentEnd end;
  // `records`: how many of the log survived.
  explicit Resumed(const std::function<void(Bed&)>& script, std::size_t records = SIZE_MAX) {
    script(before);
    before.model.say("done");
    before.work();
    auto agent = after.agent();
    std::uint64_t last = 0, answers = 0;
    for (std::size_t i = 0; i < std::min(records, before.log.records.size()); ++i) {
      const auto& record = before.log.records[i];
      last = std::max(last, record.call);
      const auto* settled = std::get_if<Settled>(&record.body);
      answers += settled && settled->outcome.response;
      agent.restore(record);
    }
    after.pipeline->continue_after(last);
    script(after);
    after.model.say("done");
    after.model.answers.erase(after.model.answers.begin(),
                              after.model.answers.begin() + static_cast<std::ptrdiff_t>(answers));
    end = after.work(agent);
  }
};

std::string conversation(const Bed& bed) { return to_json(to_json_object(bed.model.requests.back())); }

// Every id is used twice, as some model servers do; one result is empty.
void two_turns(Bed& bed) {
  bed.tools.texts["b"] = "";
  bed.model.say("", {read_file("call_0", "a"), read_file("call_1", "b")});
  bed.model.say("", {read_file("call_0", "c"), {"call_1", "http_request", R"({"url": "https://x.test/"})"}});
}

TEST(BuiltinAgentResume, GivesTheSameConversationWhereverTheLogEnds) {
  const std::size_t all = Resumed(two_turns).before.log.records.size();
  for (std::size_t records = 0; records < all - 5; ++records) {  // Up to before the last answer.
    Resumed resumed(two_turns, records);
    EXPECT_EQ(resumed.end.answer, "done");
    EXPECT_EQ(conversation(resumed.after), conversation(resumed.before)) << "after " << records << " records";
  }
}

TEST(BuiltinAgentResume, DoesNotRepeatWhatWasSettled) {
  const Resumed resumed(two_turns);
  EXPECT_THAT(resumed.after.tools.started, ElementsAre());
  EXPECT_TRUE(resumed.after.model.requests.empty());
  EXPECT_EQ(resumed.end.kind, EndKind::kFinished);
}

TEST(BuiltinAgentResume, CallsWithoutIdsAreKnownByWhatTheyDo) {
  const auto script = [](Bed& bed) {
    bed.model.say("", {read_file("", "a")});
    bed.model.say("", {read_file("", "b")});
  };
  const Resumed resumed(script);
  EXPECT_THAT(resumed.after.tools.started, ElementsAre());
}

TEST(BuiltinAgentResume, TheLastTurnIsNotTakenForAnEnd) {
  Bed before, after;
  before.exhausted = "no money";
  before.release_reserve = [] {};
  before.model.say("half of it");
  ASSERT_EQ(before.work().kind, EndKind::kExhausted);
  auto agent = after.agent();
  for (const auto& record : before.log.records) agent.restore(record);
  const auto end = after.work(agent);
  EXPECT_EQ(end.kind, EndKind::kExhausted);
  EXPECT_EQ(end.answer, "half of it");
}

TEST(BuiltinAgentResume, AnInterruptedCallIsRepeatedOnlyWhenNothingOfItRemained) {
  for (const bool repeat : {true, false}) {
    Bed before;
    before.model.say("", {read_file("1", "a")});
    before.model.say("done");
    before.work();
    Bed after;
    auto agent = after.agent();
    for (auto record : before.log.records) {
      if (record.call > 2) break;
      if (auto* settled = std::get_if<Settled>(&record.body); settled && record.call == 2) {
        settled->outcome = failed_outcome(Error(Code::kCancelled, "interrupted"));
        mark_interrupted(settled->outcome, repeat);
      }
      agent.restore(record);
    }
    after.pipeline->continue_after(2);
    after.model.say("done");
    after.work(agent);
    EXPECT_EQ(after.tools.started.size(), repeat ? 1u : 0u);
    EXPECT_THAT(after.results(), ElementsAre(repeat ? "content of a" : "interrupted"));
  }
}

TEST(Conversation, IsTrimmedTheSameWayEveryTime) {
  Conversation conversation("system", "goal");
  for (int i = 0; i < 20; ++i)
    conversation.add_tool_result({fmt::to_string(i), "files_read", "{}"}, std::string(100'000, char('a' + i)), false);
  const auto trimmed = conversation.trimmed();
  std::size_t bytes = 0, whole = 0;
  for (std::size_t i = 0; i < trimmed.size(); ++i) {
    EXPECT_EQ(trimmed[i].text, conversation.trimmed()[i].text);
    bytes += trimmed[i].text.size();
    whole += trimmed[i].text.size() == 100'000;
  }
  EXPECT_EQ(trimmed[1].text, "goal");
  EXPECT_THAT(trimmed[2].text, HasSubstr("100000 bytes of an old result were left out"));
  EXPECT_EQ(whole, kKeptToolMessages) << "the newest stay whole even when they are too much";
  EXPECT_LT(bytes, 20u * 100'000);
}

TEST(Conversation, WhatFitsIsNotTrimmed) {
  Conversation conversation("system", "goal");
  for (int i = 0; i < 20; ++i) conversation.add_tool_result({"1", "files_read", "{}"}, std::string(1000, 'a'), false);
  for (const auto& message : conversation.trimmed()) EXPECT_EQ(message.text.find("left out"), std::string::npos);
}

}  // namespace
}  // namespace remit::agent

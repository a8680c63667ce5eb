#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "base/strings.h"
#include "core/event_channel.h"
#include "core/money.h"
#include "core/run_record.h"

namespace remit {
namespace {

TEST(Money, ParsesDecimalStringsExactly) {
  EXPECT_EQ(parse_usd("0.50")->value, 500'000);
  EXPECT_EQ(parse_usd("2")->value, 2'000'000);
  EXPECT_EQ(parse_usd("0.000001")->value, 1);
  for (const char* bad :
       {"", ".", "1.", ".5", "-1", "+1", "1e3", "1.2.3", "0.0000001", "1,000", " 1", "NaN", "99999999999999999999", "995555555555599", "1000000001"}) {
    EXPECT_FALSE(parse_usd(bad)) << bad;
  }
}

TEST(Money, PrintsWhatItParses) {
  for (const char* text : {"0.50", "2.00", "0.000001", "1234.5678"}) EXPECT_EQ(to_usd(*parse_usd(text)), text);
  EXPECT_EQ(display_usd({31'200}), "$0.0312");
  EXPECT_EQ(display_usd({500'000}), "$0.50");
}

RunRecord round_trip(const RunRecord& record) {
  auto object = parse_json_object(to_json(to_json_object(record)));
  auto back = run_record_from_json(*object);
  EXPECT_TRUE(back) << (back ? "" : back.error().to_string());
  return std::move(*back);
}

TEST(RunRecord, EveryTypeSurvivesTheRoundTrip) {
  Action action;
  action.tool = "shell.run", action.args = {{"command", "ls"}}, action.justification = "look \"around\"\n";
  Outcome outcome;
  outcome.text = "out", outcome.error = not_found("x"), outcome.usage = {10, 4, 1, 3, 2}, outcome.usage_known = false;
  outcome.sandbox = SandboxReport{"Process", 1700, 64000, "exit", 3};
  outcome.changes = {{"a b", FileChange::Kind::kDeleted, 7, false, "not in workspace.write"}};
  outcome.response =
      ModelResponse{.message = {.role = Role::kAssistant, .text = "hi", .tool_uses = {{"1", "files_read", "{}"}}}};
  const std::vector<RecordBody> bodies{RunBegan{"ns", "m", "u", 3, {{"kind", "Mission"}}, "f.yaml", true, true, true},
                                       Proposed{action},
                                       Judged{Verdict::deny("permissions", "r", "no"), 12},
                                       Reserved{2, {{5}, 6, 7}},
                                       Started{2},
                                       Executed{2, outcome, "layer-1"},
                                       Settled{2, outcome, {{5}, 6, 7}, false},
                                       BudgetChanged{{{1}, 2, 3}, Duration(4), "cli"},
                                       PhaseChanged{"Running", "r", "m"},
                                       CheckResult{"c", true, "o", 9},
                                       RunEnded{"Succeeded", "r", true, "a"},
                                       Note{"n"}};
  ASSERT_EQ(bodies.size(), std::variant_size_v<RecordBody>);
  for (const auto& body : bodies) {
    const RunRecord record{5, wall_from_nanos(1'700'000'000'123'456'789), 9, 8, body};
    const auto back = round_trip(record);
    EXPECT_EQ(to_json(to_json_object(back)), to_json(to_json_object(record)));
    EXPECT_EQ(back.body.index(), body.index());
  }
}

TEST(RunRecord, UnknownTypeIsAnError) {
  auto object = parse_json_object(R"({"seq":1,"type":"Surprise"})");
  EXPECT_FALSE(run_record_from_json(*object));
}

TEST(Action, HashIgnoresWhoAskedAndWhy) {
  Action a, b;
  a.tool = b.tool = "files.read", a.args = {{"path", "x"}, {"n", 1}}, b.args = {{"n", 1}, {"path", "x"}};
  a.channel = "mcp", a.justification = "because", a.provider_call_id = "7";
  EXPECT_EQ(a.hash(), b.hash());
  b.args["path"] = "y";
  EXPECT_NE(a.hash(), b.hash());
}

Task<> consume(std::shared_ptr<Call> call, std::vector<std::string>* seen) {
  for (;;) {
    auto event = co_await call->next();
    if (const auto* chunk = std::get_if<Chunk>(&event)) seen->push_back(chunk->bytes);
    if (const auto* done = std::get_if<Done>(&event)) {
      seen->push_back(done->outcome.ok ? "done" : done->outcome.text);
      co_return;
    }
  }
}

Task<Outcome> produce(std::shared_ptr<EventSink> sink, int count, int* produced) {
  for (int i = 0; i < count && !sink->cancelled(); ++i) {
    co_await sink->send(Chunk{Chunk::Stream::kText, std::to_string(i)});
    ++*produced;
  }
  Outcome outcome;
  outcome.ok = !sink->cancelled();
  outcome.text = "cancelled";
  co_return outcome;
}

TEST(EventChannel, IsBoundedAndDoneFollowsCancel) {
  asio::io_context io;
  int produced = 0;
  std::shared_ptr<Call> call = make_call(
      io.get_executor(), [&](std::shared_ptr<EventSink> sink) { return produce(std::move(sink), 10'000, &produced); });
  io.run_one();
  io.poll();
  EXPECT_EQ(produced, int(kEventChannelDepth)) << "the producer must wait for the consumer";
  call->cancel(CancelReason::kBudget);
  call->cancel(CancelReason::kClient);  // Idempotent.
  std::vector<std::string> seen;
  asio::co_spawn(io, consume(call, &seen), asio::detached);
  io.restart();
  io.run();
  EXPECT_EQ(seen.back(), "cancelled");
  EXPECT_LE(seen.size(), kEventChannelDepth + 1);
}

Task<Outcome> take_hook_away(std::shared_ptr<EventSink> sink) {
  sink->on_cancel(nullptr);
  Outcome outcome;
  outcome.text = "ended in order";
  co_return outcome;
}

TEST(EventChannel, TheHookMayBeTakenAwayAfterACancel) {
  asio::io_context io;
  std::shared_ptr<Call> call = make_call(io.get_executor(), take_hook_away);
  call->cancel(CancelReason::kStopped);
  std::vector<std::string> seen;
  asio::co_spawn(io, consume(call, &seen), asio::detached);
  io.run();
  EXPECT_EQ(seen, std::vector<std::string>{"ended in order"});
}

TEST(EventChannel, AThrowingExecutorFailsItsCallOnly) {
  asio::io_context io;
  std::shared_ptr<Call> call = make_call(
      io.get_executor(), [](std::shared_ptr<EventSink>) -> Task<Outcome> { throw std::runtime_error("boom"); });
  std::vector<std::string> seen;
  asio::co_spawn(io, consume(call, &seen), asio::detached);
  io.run();
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_NE(seen[0].find("boom"), std::string::npos);
}

}  // namespace
}  // namespace remit

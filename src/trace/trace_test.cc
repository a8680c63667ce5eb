#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trace/projection.h"

namespace remit::trace {
namespace {

using testing::HasSubstr;

class ProjectionTest : public testing::Test {
 protected:
  void add(RecordBody body, std::uint64_t call = 0, std::uint64_t parent = 0) {
    projection_.add({++sequence_, wall_from_nanos(1'700'000'000'000'000'000 + sequence_ * 1'000'000), call, parent,
                     std::move(body)});
  }
  void play() {
    add(RunBegan{"finance", "import", "uid-1", 2, {{"spec", {{"goal", "import it"}}}}, "m.yaml", true});
    Action chat;
    chat.kind = ActionKind::kModelCall, chat.tool = "model.call", chat.resource = "some-model",
    chat.channel = "builtin";
    chat.args = {{"model", "some-model"}, {"provider", "default"}};
    add(Proposed{chat}, 1);
    add(Judged{Verdict::allow("permissions", "model")}, 1);
    Outcome answer;
    answer.ok = true, answer.usage = {100, 40, 0, 20, 5};
    answer.response =
        ModelResponse{.message = {.role = Role::kAssistant, .text = "I look first.\n"}, .stop = StopReason::kToolUse};
    add(Settled{1, answer, {{31}, 80, 1}}, 1);
    Action shell;
    shell.tool = "shell.run", shell.resource = "ls", shell.justification = "to see", shell.provider_call_id = "t1";
    add(Proposed{shell}, 2);
    add(Judged{Verdict::allow("permissions", "compute")}, 2);
    Action change;
    change.kind = ActionKind::kFileChange, change.tool = "workspace.write", change.resource = "x.txt";
    add(Proposed{change}, 3, 2);
    add(Judged{Verdict::deny("permissions", "write", "x.txt matches no write glob")}, 3, 2);
    Outcome ran;
    ran.ok = true, ran.sandbox = SandboxReport{"Process", 1700, 64000, "exit", 0};
    add(Settled{1, ran, {{0}, 0, 1}}, 2);
    add(RunEnded{"Succeeded", "ChecksPassed", true, "done"});
  }
  std::uint64_t sequence_ = 0;
  Ulid run_ = *Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV");
  Projection projection_{run_};
};

TEST_F(ProjectionTest, FollowsTheConventionsForAgentsModelsAndTools) {
  play();
  const auto spans = projection_.spans();
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans[0].name, "invoke_agent import");
  EXPECT_EQ(spans[0].trace_id, run_.to_hex());
  EXPECT_EQ(get_int(spans[0].attributes, "remit.cost.micro_usd"), 31);
  EXPECT_EQ(spans[1].name, "chat some-model");
  EXPECT_EQ(spans[1].kind, SpanKind::kClient);
  EXPECT_EQ(get_string(spans[1].attributes, "gen_ai.operation.name"), "chat");
  EXPECT_EQ(get_int(spans[1].attributes, "gen_ai.usage.input_tokens"), 100);
  EXPECT_EQ(get_int(spans[1].attributes, "gen_ai.usage.cache_read.input_tokens"), 40);
  EXPECT_EQ(spans[2].name, "execute_tool shell.run");
  EXPECT_EQ(get_string(spans[2].attributes, "remit.justification"), "to see");
  EXPECT_EQ(spans[2].parent_span_id, spans[0].span_id);
  EXPECT_EQ(spans[3].parent_span_id, spans[2].span_id);
  EXPECT_EQ(spans[3].status, SpanStatus::kError);
  EXPECT_EQ(get_string(spans[3].attributes, "error.type"), "remit.denied");
}

TEST_F(ProjectionTest, TheIdsAreThoseThatWentOutInTraceparent) {
  play();
  CallContext context;
  context.run = run_, context.call = 2;
  EXPECT_EQ(context.traceparent(), fmt::format("00-{}-{}-01", run_.to_hex(), projection_.spans()[2].span_id));
}

TEST_F(ProjectionTest, TheTreeShowsReasonsAndEscapesWhatIsNotPrintable) {
  play();
  const auto text = render_tree(projection_.spans(), 200);
  EXPECT_THAT(text, HasSubstr("invoke_agent import"));
  EXPECT_THAT(text, HasSubstr("├─ #1 chat some-model"));
  EXPECT_THAT(text, HasSubstr("“I look first.”"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "   └─ #3 execute_tool workspace.write x.txt  Deny by permissions (write): x.txt matches no write glob"));
  const auto narrow = render_tree(projection_.spans(), 20);
  EXPECT_THAT(narrow, HasSubstr("…"));
}

TEST_F(ProjectionTest, OtlpJsonHasItsTypes) {
  play();
  const auto text = to_json(to_otlp_json(projection_.spans(), "0.1.0"));
  EXPECT_THAT(text, HasSubstr(R"("traceId":")" + run_.to_hex()));
  EXPECT_THAT(text, HasSubstr(R"({"key":"gen_ai.usage.input_tokens","value":{"intValue":"100"}})"));
  EXPECT_THAT(
      text,
      HasSubstr(R"("gen_ai.response.finish_reasons","value":{"arrayValue":{"values":[{"stringValue":"tool_use"}]}})"));
  EXPECT_THAT(text, HasSubstr(R"("startTimeUnixNano":"17000000)"));
}

TEST_F(ProjectionTest, AnUnfinishedRunHasOpenSpans) {
  add(RunBegan{"finance", "import", "uid-1", 2, {}});
  Action action;
  action.tool = "shell.run";
  add(Proposed{action}, 1);
  const auto spans = projection_.spans();
  EXPECT_TRUE(spans[0].open);
  EXPECT_TRUE(spans[1].open);
  EXPECT_GT(spans[0].end, spans[0].start);
}

}  // namespace
}  // namespace remit::trace

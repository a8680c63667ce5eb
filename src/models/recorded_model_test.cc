// The recorded model: file format, strict replay, refresh, and the recorder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "core/event_channel.h"
#include "models/recorded_provider.h"
#include "models/recorder.h"
#include "models/recording.h"
#include "models/test_support.h"

namespace remit::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kHeader =
    R"({"format":"remit.dev/model-recording","version":1,"made":"written by hand","model":"some-model",)"
    R"("pricesMicroUSDPerMillionTokens":{"input":3000000,"cachedInput":300000,"output":15000000})";

std::string by_hand(std::string_view volatiles = "") {
  return std::string(kHeader) + (volatiles.empty() ? "" : ",\"volatile\":" + std::string(volatiles)) + "}\n" +
         R"(# look first
{"answer":{"text":"I look.","toolUses":[{"name":"files_list","arguments":{"path":"data"}}],"usage":{"input":900,"output":40}}}
{"answer":{"text":"And I read.","reasoning":"two of them","toolUses":[{"name":"files_read","arguments":{"path":"a"}},{"name":"files_read","arguments":{"path":"b"}}]}}
{"answer":{"text":"Done: é is two bytes, and this text is long enough for several chunks of a stream."}}
)";
}

// A small agent: sends the conversation, appends the answer, answers every tool use.
class RecordedModel : public testing::Test {
 protected:
  using Tools = std::function<std::string(const ToolUse&)>;

  static ModelRequest first_request(std::string goal = "Import the invoices.") {
    ModelRequest request;
    request.model = "some-model";
    request.messages = {message(Role::kSystem, "You are careful."), message(Role::kUser, std::move(goal))};
    request.tools = {{"files_list", "Lists.", {}}, {"files_read", "Reads.", {}}};
    return request;
  }

  Finished ask(Provider& provider, const ModelRequest& request) {
    return finish(io_, provider.start(std::make_shared<ModelRequest>(request), CallContext{}));
  }

  // Until an answer has no tool uses or an error comes; returns the last outcome.
  Outcome converse(
      Provider& provider, ModelRequest& request,
      const Tools& tools = [](const ToolUse& use) { return use.name + " result"; }) {
    for (;;) {
      Finished finished = ask(provider, request);
      if (!finished.outcome.ok) return finished.outcome;
      const Message answer = finished.outcome.response->message;
      request.messages.push_back(answer);
      if (answer.tool_uses.empty()) return finished.outcome;
      for (const auto& use : answer.tool_uses) request.messages.push_back(tool_result(use.id, tools(use)));
    }
  }

  std::unique_ptr<RecordedProvider> play(Recording recording, ReplayMode mode = ReplayMode::kStrict,
                                         SecretMask secrets = {}) {
    auto made = RecordedProvider::make(io_.get_executor(), "default", std::move(recording), mode, std::move(secrets));
    if (!made) ADD_FAILURE() << made.error().to_string();
    return std::move(made).value();
  }

  Recording refreshed(std::string_view volatiles = "", std::string goal = "Import the invoices.") {
    auto provider = play(Recording::parse(by_hand(volatiles), "model.rec").value(), ReplayMode::kRefresh);
    auto request = first_request(std::move(goal));
    const auto outcome = converse(*provider, request);
    EXPECT_TRUE(outcome.ok) << outcome.text;
    return Recording::parse(provider->recording().to_text(), "model.rec").value();
  }

  asio::io_context io_;
};

TEST_F(RecordedModel, ARecordingByHandMustBeRefreshedFirst) {
  auto recording = Recording::parse(by_hand(), "model.rec").value();
  EXPECT_EQ(recording.first_incomplete(), 0u);
  const auto made = RecordedProvider::make(io_.get_executor(), "default", recording, ReplayMode::kStrict);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message(), HasSubstr("model.rec:3: turn main.1"));
}

TEST_F(RecordedModel, RefreshCompletesItAndThenItReplays) {
  const auto recording = refreshed();
  EXPECT_FALSE(recording.first_incomplete());
  EXPECT_THAT(recording.to_text(), HasSubstr("# look first\n")) << "comments are the author's";
  EXPECT_THAT(recording.to_text(), Not(HasSubstr("call_main_1_1\",\"name\":\"files_list\",\"arguments")))
      << "ids that we made up are not written";
  ASSERT_EQ(recording.turns().size(), 3u);
  // Usage by hand stays, missing usage is estimated and says so.
  EXPECT_EQ(recording.turns()[0].answer.response.usage.input, 900);
  EXPECT_FALSE(recording.turns()[0].answer.usage_estimated);
  EXPECT_TRUE(recording.turns()[1].answer.usage_estimated);
  EXPECT_GT(recording.turns()[2].answer.response.usage.cached_input, 0);
  EXPECT_GT(recording.turns()[1].answer.response.usage.reasoning, 0);
  EXPECT_EQ(recording.turns()[2].new_messages->size(), 2u) << "only what is new since the turn before";

  auto provider = play(recording);
  auto request = first_request();
  const auto outcome = converse(*provider, request);
  ASSERT_TRUE(outcome.ok) << outcome.text;
  EXPECT_THAT(outcome.text, HasSubstr("Done: é"));
  EXPECT_EQ(outcome.response->model, "some-model");
  EXPECT_TRUE(outcome.usage_known);
  EXPECT_TRUE(provider->unused_turns().empty());
  EXPECT_TRUE(provider->recorded());
  EXPECT_EQ(provider->prices(), (ModelPrices{3000000, 300000, 3000000, 15000000, 15000000}));
  EXPECT_EQ(provider->reconcile(request), Usage{});
}

TEST_F(RecordedModel, AnswersStreamInWholeCharacters) {
  auto provider = play(refreshed());
  auto request = first_request();
  converse(*provider, request);
  request.messages.pop_back();
  const auto finished = ask(*provider, request);
  EXPECT_GT(count_of<Chunk>(finished.events), 1u);
  EXPECT_EQ(text_of(finished.events), finished.outcome.response->message.text);
  for (const auto& event : finished.events) {
    if (const auto* chunk = std::get_if<Chunk>(&event)) {
      EXPECT_LE(chunk->bytes.size(), limits::kRecordedChunkBytes);
      EXPECT_TRUE(is_valid_utf8(chunk->bytes));
    }
  }
  EXPECT_EQ(count_of<UsageReport>(finished.events), 1u);
}

TEST_F(RecordedModel, ReplayGoesOnInTheMiddleAndTheSameRequestGetsTheSameAnswer) {
  const auto recording = refreshed();
  auto provider = play(recording);
  auto request = first_request();
  const auto once = ask(*provider, request);
  const auto twice = ask(*provider, request);
  EXPECT_EQ(once.outcome.text, twice.outcome.text);
  request.messages.push_back(once.outcome.response->message);
  request.messages.push_back(tool_result(once.outcome.response->message.tool_uses[0].id, "files_list result"));
  // A new process after a crash knows nothing of the first turn having been asked for.
  auto resumed = play(recording);
  EXPECT_EQ(ask(*resumed, request).outcome.text, "And I read.");
  EXPECT_THAT(resumed->unused_turns(), ElementsAre("main.1", "main.3"));
}

TEST_F(RecordedModel, ADifferentRequestIsToldHowItDiffers) {
  const auto recording = refreshed();
  const auto explain = [&](const std::function<void(ModelRequest&)>& change, std::size_t turns) {
    auto provider = play(recording);
    auto request = first_request();
    for (std::size_t i = 0; i < turns; ++i) {
      const auto answer = ask(*provider, request).outcome.response->message;
      request.messages.push_back(answer);
      for (const auto& use : answer.tool_uses) request.messages.push_back(tool_result(use.id, use.name + " result"));
    }
    change(request);
    const auto outcome = ask(*provider, request).outcome;
    EXPECT_FALSE(outcome.ok);
    return outcome.text;
  };
  EXPECT_THAT(
      explain([](auto& r) { r.messages[1].text = "Import the invoice."; }, 0),
      testing::AllOf(
          HasSubstr("turn main.1 (model.rec:3)"),
          HasSubstr("message 2, user message, text: recorded \"Import the invoices.\", now \"Import the invoice.\""),
          HasSubstr("the same up to byte 18")));
  EXPECT_THAT(explain([](auto& r) { r.messages[0].text += "!"; }, 1), HasSubstr("message 1, system message"));
  EXPECT_THAT(
      explain([](auto& r) { r.messages.back().text = "other"; }, 1),
      testing::AllOf(
          HasSubstr("turn main.2"),
          HasSubstr("message 4, result of tool files_list, text: recorded \"files_list result\", now \"other\"")));
  EXPECT_THAT(explain([](auto& r) { r.messages.back().is_error = true; }, 1),
              HasSubstr("isError: recorded \"(absent)\", now \"true\""));
  EXPECT_THAT(explain([](auto& r) { r.messages.pop_back(); }, 2),
              HasSubstr("message 7 is missing: recorded result of tool files_read"));
  EXPECT_THAT(explain([](auto& r) { r.messages.push_back(message(Role::kUser, "hurry")); }, 2),
              HasSubstr("message 8 is one more than recorded: user message \"hurry\""));
  EXPECT_THAT(explain([](auto& r) { r.messages.push_back(message(Role::kUser, "thanks")); }, 3),
              testing::AllOf(HasSubstr("ends here, nothing follows turn main.3"), HasSubstr("thanks")));
  EXPECT_THAT(explain([](auto& r) { r.tools[0].description = "Lists files."; }, 0),
              HasSubstr("tool files_list: its description or schema changed"));
  EXPECT_THAT(explain([](auto& r) { r.tools.pop_back(), r.tools.push_back({"new_one", "", {}}); }, 1),
              testing::AllOf(HasSubstr("tool files_read is no longer offered"), HasSubstr("tool new_one is new")));
  EXPECT_THAT(explain([](auto& r) { r.model = "another"; }, 0),
              HasSubstr("model: recorded \"some-model\", now \"another\""));
  EXPECT_THAT(explain([](auto& r) { r.max_output_tokens = 5; }, 0),
              HasSubstr("maxOutputTokens: recorded \"(absent)\", now \"5\""));
}

TEST_F(RecordedModel, VolatilePartsDoNotCount) {
  const auto recording = refreshed(
      R"([{"class":"ToolResults","tools":["files.read"]},{"pattern":"20[0-9]{2}-[0-9]{2}","as":"<month>"},{"class":"Tools"},{"class":"Options"}])",
      "Import 2024-01.");
  EXPECT_THAT(recording.to_text(), HasSubstr("Import <month>."));
  auto provider = play(recording);
  auto request = first_request("Import 2023-12.");
  request.tools[0].description = "New words.";
  request.max_output_tokens = 77;
  const auto outcome = converse(*provider, request, [](const ToolUse& use) {
    return use.name == "files_read" ? "changed" : use.name + " result";
  });
  EXPECT_TRUE(outcome.ok) << outcome.text;
  // The other tool's results are not declared, so they count.
  auto strict = first_request("Import 2023-12.");
  EXPECT_FALSE(converse(*provider, strict, [](const ToolUse&) { return "changed"; }).ok);
}

TEST_F(RecordedModel, AllToolResultsMayBeVolatileDeclaredAfterwards) {
  std::string text = refreshed().to_text();
  text.replace(text.find("}}\n") == std::string::npos ? 0 : text.find("\n") - 1, 1,
               R"(,"volatile":[{"class":"ToolResults"}]})");
  auto provider = play(Recording::parse(text, "model.rec").value());
  auto request = first_request();
  const auto outcome = converse(*provider, request, [](const ToolUse&) { return "anything"; });
  EXPECT_TRUE(outcome.ok) << outcome.text;
}

TEST_F(RecordedModel, ASecondRefreshRewritesWhatChanged) {
  auto provider = play(refreshed(), ReplayMode::kRefresh);
  auto request = first_request("Import all invoices of 2025.");
  request.tools.pop_back();
  ASSERT_TRUE(converse(*provider, request, [](const ToolUse&) { return "new"; }).ok);
  const std::string path = testing::TempDir() + "/refreshed.rec";
  ASSERT_TRUE(provider->save(path));
  auto again = play(Recording::load(path).value());
  auto same = first_request("Import all invoices of 2025.");
  same.tools.pop_back();
  EXPECT_TRUE(converse(*again, same, [](const ToolUse&) { return "new"; }).ok);
  auto old = first_request();
  EXPECT_FALSE(ask(*again, old).outcome.ok);
}

TEST_F(RecordedModel, RefreshSaysWhatIsMissingAndWhatIsTooMuch) {
  auto provider = play(Recording::parse(by_hand(), "model.rec").value(), ReplayMode::kRefresh);
  auto request = first_request();
  ask(*provider, request);
  const auto unsaved = provider->save(testing::TempDir() + "/never.rec");
  ASSERT_FALSE(unsaved);
  EXPECT_THAT(unsaved.error().message(), HasSubstr("main.2, main.3"));
  auto full = first_request();
  auto fresh = play(Recording::parse(by_hand(), "model.rec").value(), ReplayMode::kRefresh);
  ASSERT_TRUE(converse(*fresh, full).ok);
  full.messages.push_back(message(Role::kUser, "One more thing."));
  const auto outcome = ask(*fresh, full).outcome;
  EXPECT_FALSE(outcome.ok);
  EXPECT_THAT(outcome.text,
              testing::AllOf(HasSubstr("no further answer after turn main.3"), HasSubstr("One more thing.")));
}

TEST_F(RecordedModel, SeveralConversationsAreToldApart) {
  const std::string text = std::string(kHeader) + "}\n" +
                           R"({"answer":{"text":"main one","toolUses":[{"name":"files_list","arguments":{}}]}}
{"conversation":"helper","answer":{"text":"helper one","toolUses":[{"name":"files_read","arguments":{}}]}}
{"conversation":"helper","answer":{"text":"helper two"}}
{"answer":{"text":"main two"}}
)";
  auto refresh = play(Recording::parse(text, "m").value(), ReplayMode::kRefresh);
  auto main = first_request("main goal");
  auto helper = first_request("helper goal");
  const auto turn = [&](Provider& provider, ModelRequest& request) {
    const auto outcome = ask(provider, request).outcome;
    EXPECT_TRUE(outcome.ok) << outcome.text;
    request.messages.push_back(outcome.response->message);
    for (const auto& use : outcome.response->message.tool_uses) request.messages.push_back(tool_result(use.id, "r"));
    return outcome.text;
  };
  EXPECT_EQ(turn(*refresh, main), "main one");
  EXPECT_EQ(turn(*refresh, helper), "helper one");
  EXPECT_EQ(turn(*refresh, main), "main two");
  EXPECT_EQ(turn(*refresh, helper), "helper two");
  auto strict = play(Recording::parse(refresh->recording().to_text(), "m").value());
  auto main2 = first_request("main goal");
  auto helper2 = first_request("helper goal");
  EXPECT_EQ(turn(*strict, helper2), "helper one");
  EXPECT_EQ(turn(*strict, main2), "main one");
  EXPECT_EQ(turn(*strict, helper2), "helper two");
  EXPECT_EQ(turn(*strict, main2), "main two");
}

TEST_F(RecordedModel, ATrimmedConversationBeginsAnew) {
  auto refresh = play(Recording::parse(by_hand(), "m").value(), ReplayMode::kRefresh);
  const auto run = [&](Provider& provider) {
    auto request = first_request();
    const auto first = ask(provider, request).outcome;
    EXPECT_TRUE(first.ok) << first.text;
    // The agent cuts its own history: only the system prompt and a summary remain. The tools go too, as in a last turn.
    auto trimmed = first_request("Summary: one folder was listed.");
    trimmed.tools.clear();
    const auto second = ask(provider, trimmed).outcome;
    EXPECT_TRUE(second.ok) << second.text;
    return second.text;
  };
  EXPECT_EQ(run(*refresh), "And I read.");
  EXPECT_EQ(refresh->recording().turns()[1].after, "start");
  const std::string text = refresh->recording().to_text();
  // The third turn was never reached; the file without it replays.
  auto strict = play(Recording::parse(text.substr(0, text.rfind("{\"answer")), "m").value());
  EXPECT_EQ(run(*strict), "And I read.");
}

TEST_F(RecordedModel, CancelledInTheMiddle) {
  auto provider = play(refreshed());
  auto call = provider->start(std::make_shared<ModelRequest>(first_request()), CallContext{});
  call->cancel(CancelReason::kBudget);
  call->cancel(CancelReason::kStopped);
  const auto finished = finish(io_, std::move(call));
  EXPECT_FALSE(finished.outcome.ok);
  EXPECT_EQ(finished.outcome.error->code(), Code::kCancelled);
  EXPECT_THAT(finished.outcome.text, HasSubstr("budget"));
  EXPECT_TRUE(uses_of(finished.events).empty());
}

TEST_F(RecordedModel, BadFilesAreRefusedWithTheirLine) {
  const std::string turn = R"({"answer":{"text":"x"}})";
  const std::pair<std::string, const char*> cases[] = {
      {"", "is empty"},
      {"# only a comment\n", "is empty"},
      {"not json\n", "m:1: "},
      {turn + "\n", "m:1: this is no recorded model"},
      {R"({"format":"remit.dev/model-recording","version":2,"made":"x"})", "reads version 1; use a newer one"},
      {R"({"format":"remit.dev/model-recording","version":1})", "must say how the recording was made"},
      {R"({"format":"remit.dev/model-recording","version":1,"made":"x","modell":"y"})", "did you mean 'model'"},
      {std::string(kHeader) + ",\"volatile\":[{\"class\":\"Tool\"}]}", "unknown class 'Tool'"},
      {std::string(kHeader) + ",\"volatile\":[{}]}", "either a class or a pattern"},
      {std::string(kHeader) + "}\n{}", "m:2: a turn needs an answer"},
      {std::string(kHeader) + "}\n\n{\"answer\":{}}", "m:3: answer: give text"},
      {std::string(kHeader) + "}\n{\"anwser\":{}}", "did you mean 'answer'"},
      {std::string(kHeader) + "}\n{\"answer\":{\"text\":\"x\",\"usage\":{\"input\":-1}}}", "answer.usage.input"},
      {std::string(kHeader) + "}\n{\"answer\":{\"text\":\"x\",\"usage\":{\"input\":1,\"cachedInput\":2}}}",
       "input includes cachedInput"},
      {std::string(kHeader) + "}\n{\"answer\":{\"text\":\"x\",\"stop\":\"soon\"}}", "answer.stop"},
      {std::string(kHeader) + "}\n{\"answer\":{\"toolUses\":[{\"arguments\":{}}]}}", "has no name"},
      {std::string(kHeader) + "}\n{\"after\":\"main.7\",\"answer\":{\"text\":\"x\"}}", "no turn 'main.7'"},
      {std::string(kHeader) + "}\n{\"new\":{},\"answer\":{\"text\":\"x\"}}", "new: expected an array"},
      {std::string(kHeader) + "}\n\xff\n", "not valid UTF-8"},
  };
  for (const auto& [text, want] : cases) {
    const auto parsed = Recording::parse(text, "m");
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().to_string(), HasSubstr(want)) << text;
  }
  const auto bad_pattern =
      Recording::parse(std::string(kHeader) + ",\"volatile\":[{\"pattern\":\"a(\"}]}\n" + turn, "m").value();
  EXPECT_FALSE(RecordedProvider::make(io_.get_executor(), "d", bad_pattern, ReplayMode::kRefresh));
  const auto empty_pattern =
      Recording::parse(std::string(kHeader) + ",\"volatile\":[{\"pattern\":\"a*\"}]}\n" + turn, "m").value();
  EXPECT_FALSE(RecordedProvider::make(io_.get_executor(), "d", empty_pattern, ReplayMode::kRefresh));
}

TEST_F(RecordedModel, LimitsHold) {
  Recording recording({"by test", "m", {}, {}, ""});
  RecordedTurn turn;
  turn.answer.response.message = message(Role::kAssistant, "x");
  for (std::size_t i = 0; i < limits::kRecordingTurns; ++i) ASSERT_TRUE(recording.append(turn));
  EXPECT_EQ(recording.append(turn).error().code(), Code::kResourceExhausted);
  std::string volatiles = "[";
  for (std::size_t i = 0; i <= limits::kVolatilePatterns; ++i)
    volatiles += std::string(i ? "," : "") + R"({"pattern":"x"})";
  EXPECT_EQ(Recording::parse(by_hand(volatiles + "]"), "m").error().code(), Code::kResourceExhausted);
  const Volatile long_one{Volatile::Class::kPattern, std::string(limits::kVolatilePatternBytes + 1, 'x'), "<x>", {}};
  EXPECT_EQ(Canonicalizer::make({long_one}, {}).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(Recording::parse(std::string(limits::kRecordingBytes + 1, '\n'), "m").error().code(),
            Code::kResourceExhausted);
}

// A stand-in for a live provider: answers what a function says. The real one is tested against a server in
// http_provider_test.
class Scripted final : public Provider {
 public:
  using Script = std::function<ModelResponse(const ModelRequest&)>;
  Scripted(asio::any_io_executor executor, Script script)
      : executor_(std::move(executor)), script_(std::move(script)) {}
  const std::string& name() const override { return name_; }
  std::optional<Usage> reconcile(const ModelRequest&) const override { return std::nullopt; }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext) override {
    Outcome outcome;
    outcome.response = script_(*request);
    outcome.ok = outcome.response->usage_known;
    return make_call(executor_, [outcome](std::shared_ptr<EventSink> sink) { return say(outcome, std::move(sink)); });
  }

 private:
  static Task<Outcome> say(Outcome outcome, std::shared_ptr<EventSink> sink) {
    co_await sink->send(Chunk{Chunk::Stream::kText, outcome.response->message.text});
    co_return outcome;
  }
  asio::any_io_executor executor_;
  Script script_;
  std::string name_ = "default";
};

ModelResponse scripted_answer(const ModelRequest& request) {
  ModelResponse response;
  response.usage_known = true;
  response.usage = {100, 50, 0, 10, 0};
  response.model = "live-model-7";
  response.message = message(Role::kAssistant, "");
  const Message& last = request.messages.back();
  if (last.text == "branch") {
    response.message.text = "a branch";
  } else if (last.text == "fail") {
    response.usage_known = false;
  } else if (last.role == Role::kUser) {
    response.message.tool_uses = {{"toolu_9", "files_read", R"({"path": "x", "key": "sk-abcdefghijklmnopqrstuvwx"})"}};
    response.message.extra = {
        {"anthropic_content", json::array{json::object{{"type", "thinking"}, {"signature", "S"}}}}};
  } else {
    response.message.text = "The token is topsecret-value.";
  }
  return response;
}

TEST_F(RecordedModel, TheRecorderWritesWhatReplays) {
  const std::string path = testing::TempDir() + "/live.rec";
  std::filesystem::remove(path);
  SecretMask secrets;
  secrets.add(Secret("topsecret-value"));
  SimulatedClock clock;
  auto recorder =
      Recorder::make(std::make_unique<Scripted>(io_.get_executor(), scripted_answer), "provider default (OpenAI)",
                     {"", "live-model", ModelPrices{1, 1, 1, 1, 1}, {}, ""}, path, secrets, clock)
          .value();
  auto request = first_request("Use topsecret-value.");
  const auto tools = [](const ToolUse&) { return std::string("result with topsecret-value"); };
  ASSERT_TRUE(converse(*recorder, request, tools).ok);
  // The same once more, a second way to go on, and a failure: only the second is a new turn.
  ASSERT_TRUE(ask(*recorder, first_request("Use topsecret-value.")).outcome.ok);
  auto branch = first_request("Use topsecret-value.");
  branch.messages.push_back(request.messages[2]);
  branch.messages.push_back(tool_result("toolu_9", "branch"));
  ASSERT_TRUE(ask(*recorder, branch).outcome.ok);
  ASSERT_FALSE(ask(*recorder, first_request("fail")).outcome.ok);
  EXPECT_TRUE(std::filesystem::exists(path + ".partial"));
  EXPECT_FALSE(std::filesystem::exists(path));
  // The partial file is a recording of its own: a crash loses nothing that was paid for.
  EXPECT_EQ(Recording::load(path + ".partial").value().turns().size(), 3u);
  ASSERT_TRUE(recorder->finish());
  ASSERT_TRUE(recorder->finish());
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  EXPECT_FALSE(recorder->record(request, scripted_answer(request)));

  const auto text = read_file(path, 1 << 20).value();
  EXPECT_THAT(text, Not(HasSubstr("topsecret")));
  EXPECT_THAT(text, Not(HasSubstr("sk-abcdef")));
  EXPECT_THAT(text, HasSubstr("recorded from provider default (OpenAI) on 20"));
  auto replay = play(Recording::load(path).value(), ReplayMode::kStrict, secrets);
  auto again = first_request("Use topsecret-value.");
  const auto outcome = converse(*replay, again, tools);
  ASSERT_TRUE(outcome.ok) << outcome.text;
  EXPECT_EQ(outcome.text, "The token is ***.");
  EXPECT_EQ(outcome.usage, (Usage{100, 50, 0, 10, 0}));
  EXPECT_EQ(outcome.response->model, "live-model-7");
  EXPECT_EQ(ask(*replay, branch).outcome.text, "a branch");
}

TEST_F(RecordedModel, TheExamplesRecordingIsReadable) {
  const std::string path = std::string(REMIT_SOURCE_DIR) + "/examples/invoices/model.rec";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no example here";
  const auto recording = Recording::load(path);
  ASSERT_TRUE(recording) << recording.error().to_string();
  EXPECT_TRUE(recording->header().prices.has_value());
  EXPECT_EQ(Recording::parse(recording->to_text(), "again").value().to_text(), recording->to_text());
}

}  // namespace
}  // namespace remit::models

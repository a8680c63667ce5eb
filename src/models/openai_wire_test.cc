#include "models/openai_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/limits.h"
#include "models/test_support.h"

namespace remit::models {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Decoded decode(std::string_view wire) { return decode_stream(make_openai_stream_decoder(), wire); }

json::object object(std::string_view text) { return parse_json_object(text).value(); }

constexpr std::string_view kTextStream =
    R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m-2024","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"m-2024","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"m-2024","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}],"usage":null}

data: {"id":"chatcmpl-1","model":"m-2024","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

data: {"id":"chatcmpl-1","model":"m-2024","choices":[],"usage":{"prompt_tokens":120,"completion_tokens":30,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":100,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":20}}}

data: [DONE]

)";

TEST(OpenAiStream, TextWithUsageOfCacheAndReasoning) {
  const auto decoded = decode(kTextStream);
  ASSERT_FALSE(decoded.failure);
  EXPECT_TRUE(decoded.complete);
  EXPECT_EQ(text_of(decoded.events), "Hello");
  EXPECT_EQ(count_of<UsageReport>(decoded.events), 1u);
  const auto& response = decoded.response;
  EXPECT_EQ(response.message.text, "Hello");
  EXPECT_EQ(response.stop, StopReason::kEnd);
  EXPECT_TRUE(response.usage_known);
  EXPECT_EQ(response.usage, (Usage{120, 100, 0, 30, 20}));
  EXPECT_EQ(response.model, "m-2024");
  EXPECT_EQ(response.request_id, "chatcmpl-1");
  EXPECT_TRUE(response.message.extra.empty());
}

TEST(OpenAiStream, ParallelToolCallsComeWholeAndInOrder) {
  const auto decoded = decode(
      R"(data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"files_list","arguments":""}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"pa"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"shell_run","arguments":"{}"}}]}}]}

data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"th\":\"x\"}"}}]}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

)");
  ASSERT_FALSE(decoded.failure);
  const auto uses = uses_of(decoded.events);
  ASSERT_EQ(uses.size(), 2u);
  EXPECT_EQ(uses[0].id, "call_a");
  EXPECT_EQ(uses[0].arguments, R"({"path":"x"})");
  EXPECT_EQ(uses[1].name, "shell_run");
  EXPECT_EQ(decoded.response.stop, StopReason::kToolUse);
  EXPECT_EQ(decoded.response.message.tool_uses.size(), 2u);
  // The stream told no usage: that is unknown, not zero.
  EXPECT_FALSE(decoded.response.usage_known);
}

struct Variant {
  const char* name;
  const char* wire;
  std::string text, reasoning;
  std::vector<std::string> uses;  // "id name arguments"
  StopReason stop;
};

class OpenAiVariants : public testing::TestWithParam<Variant> {};

TEST_P(OpenAiVariants, IsUnderstood) {
  const auto& want = GetParam();
  const auto decoded = decode(want.wire);
  ASSERT_FALSE(decoded.failure) << decoded.failure->error.to_string();
  EXPECT_EQ(decoded.response.message.text, want.text);
  EXPECT_EQ(decoded.response.message.reasoning, want.reasoning);
  std::vector<std::string> uses;
  for (const auto& use : decoded.response.message.tool_uses)
    uses.push_back(use.id + " " + use.name + " " + use.arguments);
  EXPECT_EQ(uses, want.uses);
  EXPECT_EQ(decoded.response.stop, want.stop);
  EXPECT_EQ(uses_of(decoded.events).size(), want.uses.size());
}

INSTANTIATE_TEST_SUITE_P(
    Servers, OpenAiVariants,
    testing::Values(
        Variant{
            "NoIndexWholeCall",
            R"(data: {"id":"x","choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":"{}"}}]}}]}

data: {"choices":[{"delta":{},"finish_reason":"stop"}]}
)",
            "",
            "",
            {"a f {}", "b g {}"},
            StopReason::kToolUse},
        Variant{
            "IdAndNameRepeated",
            R"(data: {"id":"x","choices":[{"delta":{"tool_calls":[{"index":0,"id":"call__0_f_x","function":{"name":"f","arguments":"{\"a\""}}]}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call__0_f_x","function":{"name":"f","arguments":":1}"}}]}}]}

data: {"choices":[{"delta":{},"finish_reason":"tool_calls"}]}
)",
            "",
            "",
            {"call__0_f_x f {\"a\":1}"},
            StopReason::kToolUse},
        Variant{
            "NoIdsAtAll",
            R"(data: {"id":"x","choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":{"a":1}}}]}}]}

data: [DONE]
)",
            "",
            "",
            {"call_x_1 f {\"a\":1}"},
            StopReason::kToolUse},
        Variant{"OldFunctionCall",
                R"(data: {"id":"x","choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}

data: {"choices":[{"delta":{"function_call":{"arguments":"}"}}}]}

data: {"choices":[{"delta":{},"finish_reason":"function_call"}]}
)",
                "",
                "",
                {"call_x_1 f {}"},
                StopReason::kToolUse},
        Variant{
            "MalformedArgumentsStayText",
            R"(data: {"id":"x","choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"a\": oops"}}]},"finish_reason":"tool_calls"}]}
)",
            "",
            "",
            {"a f {\"a\": oops"},
            StopReason::kToolUse},
        Variant{"ReasoningContent",
                R"(data: {"choices":[{"delta":{"reasoning_content":"hm"}}]}

data: {"choices":[{"delta":{"reasoning":"!"}}]}

data: {"choices":[{"delta":{"content":"yes"},"finish_reason":"length"}]}
)",
                "yes",
                "hm!",
                {},
                StopReason::kLength},
        Variant{"Refusal",
                R"(data: {"choices":[{"delta":{"refusal":"No."}}]}

data: {"choices":[{"delta":{},"finish_reason":"stop"}]}
)",
                "No.",
                "",
                {},
                StopReason::kRefused},
        Variant{"ContentFilter",
                R"(data: {"choices":[{"delta":{},"finish_reason":"content_filter"}]}
)",
                "",
                "",
                {},
                StopReason::kRefused},
        Variant{
            "OtherChoiceIgnored",
            R"(data: {"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}
)",
            "a",
            "",
            {},
            StopReason::kEnd}),
    [](const auto& info) { return info.param.name; });

TEST(OpenAiStream, ExplicitZeroIsKnownAndNullIsNot) {
  const auto zero = decode(R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]}

data: {"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}
)");
  EXPECT_TRUE(zero.response.usage_known);
  EXPECT_EQ(zero.response.usage, Usage{});
  const auto half =
      decode(R"(data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5}}
)");
  EXPECT_FALSE(half.response.usage_known);
}

TEST(OpenAiStream, UnknownMembersAreKept) {
  const auto decoded = decode(
      R"(data: {"choices":[{"delta":{"content":"a","audio":{"id":"x"},"note":"one ","openai_content":"smuggled"}}]}

data: {"choices":[{"delta":{"note":"two"},"finish_reason":"stop"}]}
)");
  EXPECT_EQ(to_json(decoded.response.message.extra), R"({"audio":{"id":"x"},"note":"one two"})");
}

TEST(OpenAiStream, BrokenOffIsNotComplete) {
  const auto decoded = decode(R"(data: {"id":"c","choices":[{"delta":{"content":"half"}}]}

data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x"}}]}}]}
)");
  EXPECT_FALSE(decoded.complete);
  EXPECT_FALSE(decoded.failure);
  EXPECT_TRUE(uses_of(decoded.events).empty()) << "half a tool call must never be proposed";
  EXPECT_TRUE(decoded.response.message.tool_uses.empty());
  EXPECT_EQ(decoded.response.stop, StopReason::kOther);
}

TEST(OpenAiStream, ErrorsInsideTheStream) {
  const auto passing = decode(R"(data: {"error":{"message":"The server had an error","type":"server_error"}}
)");
  ASSERT_TRUE(passing.failure);
  EXPECT_TRUE(passing.failure->retryable);
  EXPECT_THAT(passing.failure->error.message(), HasSubstr("The server had an error"));
  const auto lasting = decode(R"(data: {"error":{"message":"bad input","type":"invalid_request_error"}}
)");
  ASSERT_TRUE(lasting.failure);
  EXPECT_FALSE(lasting.failure->retryable);
}

TEST(OpenAiStream, GarbageIsRefusedAndQuoted) {
  for (const std::string_view wire :
       {"data: <html>\n", "data: []\n", "data: {\"hello\":1}\n", "data: {\"choices\":[7]}\n"}) {
    const auto decoded = decode(wire);
    ASSERT_TRUE(decoded.failure) << wire;
    EXPECT_EQ(decoded.failure->error.code(), Code::kDataLoss);
    EXPECT_FALSE(decoded.failure->retryable);
  }
}

TEST(OpenAiStream, LimitsHold) {
  auto decoder = make_openai_stream_decoder();
  std::vector<Event> events;
  const std::string piece = R"({"choices":[{"delta":{"content":")" + std::string(1 << 20, 'a') + R"("}}]})";
  std::optional<UpstreamFailure> failure;
  std::size_t pieces = 0;
  for (; pieces < 64 && !failure; ++pieces) {
    if (auto fed = decoder->feed("", piece, events); !fed) failure = fed.error();
    events.clear();
  }
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code(), Code::kResourceExhausted);
  EXPECT_EQ(pieces, (limits::kAnswerBytes >> 20) + 1);

  std::string many;
  for (std::size_t i = 0; i <= limits::kToolUsesPerAnswer; ++i) {
    many += fmt::format(
        "data: "
        "{{\"choices\":[{{\"delta\":{{\"tool_calls\":[{{\"index\":{},\"id\":\"i{}\",\"function\":{{\"name\":\"f\"}}}}]}"
        "}}}]}}\n\n",
        i, i);
  }
  const auto decoded = decode(many);
  ASSERT_TRUE(decoded.failure);
  EXPECT_EQ(decoded.failure->error.code(), Code::kResourceExhausted);
}

TEST(OpenAiWhole, IsDecoded) {
  const auto response =
      decode_openai_response(
          object(R"({"id":"r1","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":
    {"role":"assistant","content":"Let me look","refusal":null,"annotations":[],"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]}}],
    "usage":{"prompt_tokens":10,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":4}}})"))
          .value();
  EXPECT_EQ(response.message.text, "Let me look");
  EXPECT_EQ(response.message.tool_uses.at(0).arguments, R"({"x":1})");
  EXPECT_EQ(response.stop, StopReason::kToolUse);
  EXPECT_EQ(response.usage, (Usage{10, 4, 0, 3, 0}));
  EXPECT_TRUE(response.usage_known);
  EXPECT_TRUE(response.message.extra.contains("annotations"));
  EXPECT_FALSE(decode_openai_response(object(R"({"choices":[]})")));
  EXPECT_FALSE(decode_openai_response(object(R"({"error":{"message":"no"}})")));
}

ModelRequest sample_request() {
  ModelRequest request;
  request.model = "m";
  request.messages = {message(Role::kSystem, "Be brief."), message(Role::kUser, "List."),
                      message(Role::kAssistant, "")};
  request.messages[2].tool_uses = {{"a", "files_list", R"({"path":"."})"}, {"b", "f", ""}};
  request.messages.push_back(tool_result("a", "x\ny"));
  request.messages.push_back(tool_result("b", "refused", true));
  request.tools = {{"files_list", "Lists.", object(R"({"type":"object"})")}};
  request.max_output_tokens = 99;
  request.extra = object(R"({"temperature":0,"openai_strict_tools":["files_list"],"anthropic_x":1})");
  return request;
}

TEST(OpenAiEncode, Request) {
  const auto body = encode_openai_request(sample_request(), {}).value();
  EXPECT_EQ(
      to_json(body),
      R"({"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"List."},)"
      R"({"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"files_list","arguments":"{\"path\":\".\"}"}},)"
      R"({"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},)"
      R"({"role":"tool","content":"x\ny","tool_call_id":"a"},{"role":"tool","content":"refused","tool_call_id":"b"}],)"
      R"("tools":[{"type":"function","function":{"name":"files_list","description":"Lists.","parameters":{"type":"object"},"strict":true}}],)"
      R"("max_tokens":99,"temperature":0,"stream":true,"stream_options":{"include_usage":true}})");
  const auto vendor = encode_openai_request(sample_request(), {true, true, true}).value();
  EXPECT_EQ(get_int(vendor, "max_completion_tokens"), 99);
  EXPECT_FALSE(vendor.contains("max_tokens"));
  auto without_id = sample_request();
  without_id.messages.back().tool_use_id.clear();
  EXPECT_FALSE(encode_openai_request(without_id, {}));
}

TEST(OpenAiEncode, NoToolsMeansNoToolChoice) {
  auto request = sample_request();
  request.tools.clear();
  request.extra = object(R"({"tool_choice":"auto","parallel_tool_calls":false})");
  const auto body = encode_openai_request(request, {}).value();
  EXPECT_FALSE(body.contains("tool_choice"));
  EXPECT_FALSE(body.contains("parallel_tool_calls"));
}

TEST(OpenAiFront, ARequestSurvivesTheWayThroughUs) {
  const auto body = object(
      R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":50,"temperature":0.5,"n":1,
    "messages":[{"role":"developer","content":"Be good."},
      {"role":"user","name":"ann","content":[{"type":"text","text":"What is "},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]},
      {"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},
      {"role":"tool","tool_call_id":"a","content":[{"type":"text","text":"done"}]}],
    "tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":true}}],"tool_choice":"auto"})");
  const auto client = decode_openai_request(body).value();
  EXPECT_TRUE(client.stream);
  EXPECT_TRUE(client.include_usage);
  EXPECT_EQ(client.request.max_output_tokens, 50);
  EXPECT_EQ(client.request.messages[0].role, Role::kSystem);
  EXPECT_EQ(client.request.messages[1].text, "What is ");
  EXPECT_EQ(client.request.messages[3].text, "done");
  auto again = encode_openai_request(client.request, {}).value();
  EXPECT_EQ(canonical_json(*find(again, "messages")->get_array()[0].if_object()),
            R"({"content":"Be good.","role":"developer"})");
  EXPECT_EQ(canonical_json(find_array(again, "messages")->at(1)), canonical_json(find_array(body, "messages")->at(1)));
  EXPECT_EQ(canonical_json(*find(again, "tools")), canonical_json(*find(body, "tools")));
  EXPECT_EQ(canonical_json(*find(again, "temperature")), canonical_json(*find(body, "temperature")));
  EXPECT_TRUE(again.contains("tool_choice"));
}

TEST(OpenAiFront, BadRequestsAreToldWhere) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "model"},
      {R"({"model":"m"})", "messages"},
      {R"({"model":"m","messages":[]})", "messages"},
      {R"({"model":"m","messages":[1]})", "messages[0]"},
      {R"({"model":"m","messages":[{"role":"boss","content":"x"}]})", "messages[0].role"},
      {R"({"model":"m","messages":[{"role":"user"}]})", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"user","content":5}]})", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"tool","content":"x"}]})", "messages[0].tool_call_id"},
      {R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]})", "messages[0].tool_calls[0]"},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}],"n":2})", "n: "},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}],"max_tokens":-1})", "max_tokens"},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"web_search"}]})", "tools[0].type"},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}],"functions":[]})", "functions"},
      // What upstream would hear must be what was judged here.
      {R"({"model":"m","messages":[{"role":"user","content":"x","openai_content":"y"}]})", "messages[0]"},
      {R"({"model":"m","messages":[{"role":"user","content":"x","openai_role":"system"}]})", "reserved"},
      {R"({"model":"m","messages":[{"role":"assistant","content":"x","anthropic_content":[]}]})", "reserved"},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}],"openai_strict_tools":[]})", "reserved"},
  };
  for (const auto& [body, where] : cases) {
    const auto decoded = decode_openai_request(object(body));
    ASSERT_FALSE(decoded) << body;
    EXPECT_THAT(decoded.error().message(), HasSubstr(where));
    EXPECT_EQ(decoded.error().code(), Code::kInvalidArgument);
  }
  json::array messages(limits::kMessages + 1, object(R"({"role":"user","content":"x"})"));
  EXPECT_FALSE(decode_openai_request({{"model", "m"}, {"messages", messages}}));
}

TEST(OpenAiFront, AWholeAnswerIsReadByOurOwnDecoder) {
  ModelResponse response;
  response.message = message(Role::kAssistant, "Hi");
  response.message.tool_uses = {{"a", "f", "{}"}};
  response.stop = StopReason::kToolUse;
  response.usage = {10, 4, 0, 5, 2};
  const auto body = encode_openai_response(response, {"chatcmpl-x", 7, "m"});
  const auto again = decode_openai_response(body).value();
  EXPECT_EQ(again.message.text, "Hi");
  EXPECT_EQ(again.message.tool_uses.at(0).id, "a");
  EXPECT_EQ(again.usage, response.usage);
  EXPECT_EQ(again.stop, StopReason::kToolUse);
}

TEST(OpenAiFront, AStreamIsReadByOurOwnDecoder) {
  OpenAiStreamEncoder encoder({"chatcmpl-x", 7, "m"}, true);
  std::string wire = encoder.on_event(Chunk{Chunk::Stream::kReasoning, "hm"});
  wire += encoder.on_event(Chunk{Chunk::Stream::kText, "Hi \"there\"\n"});
  wire += encoder.on_event(UsageReport{});
  wire += encoder.on_event(ProposedAction{{"a", "f", R"({"x":1})"}});
  wire += encoder.on_event(ProposedAction{{"b", "g", "{}"}});
  Outcome outcome;
  outcome.ok = true;
  outcome.usage = {10, 4, 0, 5, 2};
  outcome.response.emplace().stop = StopReason::kToolUse;
  wire += encoder.finish(outcome);
  const auto decoded = decode(wire);
  ASSERT_FALSE(decoded.failure);
  EXPECT_EQ(decoded.response.message.text, "Hi \"there\"\n");
  EXPECT_EQ(decoded.response.message.reasoning, "hm");
  EXPECT_EQ(decoded.response.message.tool_uses.size(), 2u);
  EXPECT_EQ(decoded.response.usage, outcome.usage);
  EXPECT_EQ(decoded.response.stop, StopReason::kToolUse);
  EXPECT_THAT(wire, testing::EndsWith("data: [DONE]\n\n"));
  EXPECT_THAT(wire.substr(0, wire.find('\n')), HasSubstr(R"("role":"assistant")"));
}

TEST(OpenAiFront, WithoutToolCallsThatPassedTheAnswerJustEnds) {
  OpenAiStreamEncoder encoder({"x", 0, "m"}, false);
  Outcome outcome;
  outcome.ok = true;
  outcome.response.emplace().stop = StopReason::kToolUse;
  outcome.response->message.tool_uses = {{"a", "f", "{}"}};
  EXPECT_THAT(encoder.finish(outcome), HasSubstr(R"("finish_reason":"stop")"));
}

TEST(OpenAiFront, ErrorsHaveTheirForm) {
  const auto body = encode_openai_error({Code::kPermissionDenied, "shell.run is refused by rule no-shell"});
  EXPECT_EQ(
      to_json(body),
      R"({"error":{"message":"shell.run is refused by rule no-shell","type":"permission_error","param":null,"code":"PermissionDenied"}})");
  EXPECT_EQ(openai_status_of(Code::kResourceExhausted), 429u);
  OpenAiStreamEncoder encoder({"x", 0, "m"}, false);
  Outcome outcome;
  outcome.error = Error(Code::kUnavailable, "gone");
  const auto decoded = decode(encoder.finish(outcome));
  ASSERT_TRUE(decoded.failure);
  EXPECT_THAT(decoded.failure->error.message(), HasSubstr("gone"));
}

}  // namespace
}  // namespace remit::models

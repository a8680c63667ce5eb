#include "models/anthropic_wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/limits.h"
#include "models/test_support.h"

namespace remit::models {
namespace {

using testing::HasSubstr;

Decoded decode(std::string_view wire) { return decode_stream(make_anthropic_stream_decoder(), wire); }

json::object object(std::string_view text) { return parse_json_object(text).value(); }

constexpr std::string_view kToolStream = R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"cache_creation_input_tokens":300,"cache_read_input_tokens":1000,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"I should "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"list."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"SIG=="}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Looking."}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"files_list","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"path\": "}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"\"data\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":89}}

event: message_stop
data: {"type":"message_stop"}

)";

TEST(AnthropicStream, ThinkingTextAndToolUse) {
  const auto decoded = decode(kToolStream);
  ASSERT_FALSE(decoded.failure) << decoded.failure->error.to_string();
  EXPECT_TRUE(decoded.complete);
  EXPECT_EQ(text_of(decoded.events), "Looking.");
  EXPECT_EQ(text_of(decoded.events, Chunk::Stream::kReasoning), "I should list.");
  const auto uses = uses_of(decoded.events);
  ASSERT_EQ(uses.size(), 1u);
  EXPECT_EQ(uses[0].arguments, R"({"path": "data"})") << "exactly as the model wrote it";
  const auto& response = decoded.response;
  EXPECT_EQ(response.stop, StopReason::kToolUse);
  EXPECT_EQ(response.model, "claude-x");
  EXPECT_EQ(response.request_id, "msg_1");
  // input_tokens excludes cached tokens in this dialect; ours includes them.
  EXPECT_EQ(response.usage, (Usage{1320, 1000, 300, 89, 0}));
  EXPECT_TRUE(response.usage_known);
}

TEST(AnthropicStream, ThinkingGoesBackWithItsSignature) {
  auto decoded = decode(kToolStream);
  ModelRequest request;
  request.model = "claude-x";
  request.messages = {message(Role::kUser, "go"), decoded.response.message, tool_result("toolu_1", "a.csv")};
  const auto body = encode_anthropic_request(request, {true, false, 100}).value();
  const auto& content = find_array(body, "messages")->at(1).at("content");
  EXPECT_EQ(to_json(content),
            R"([{"type":"thinking","thinking":"I should list.","signature":"SIG=="},{"type":"text","text":"Looking."},)"
            R"({"type":"tool_use","id":"toolu_1","name":"files_list","input":{"path":"data"}}])");
  // A tool use that was taken out on the way must not come back from the kept blocks.
  request.messages[1].tool_uses.clear();
  request.messages.pop_back();
  const auto cut = encode_anthropic_request(request, {true, false, 100}).value();
  EXPECT_EQ(
      to_json(find_array(cut, "messages")->at(1).at("content")),
      R"([{"type":"thinking","thinking":"I should list.","signature":"SIG=="},{"type":"text","text":"Looking."}])");
}

TEST(AnthropicStream, MessageDeltaMayCorrectTheInput) {
  const auto decoded =
      decode(R"(data: {"type":"message_start","message":{"id":"m","usage":{"input_tokens":5,"output_tokens":1}}}

data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"x"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":50,"cache_read_input_tokens":0,"output_tokens":0}}

data: {"type":"message_stop"}
)");
  EXPECT_EQ(decoded.response.usage, (Usage{50, 0, 0, 0, 0}));
  EXPECT_TRUE(decoded.response.usage_known) << "an explicit zero is known";
  EXPECT_EQ(decoded.response.message.text, "x");
  EXPECT_TRUE(decoded.response.message.extra.empty()) << "plain text needs no kept blocks";
}

TEST(AnthropicStream, BrokenOffBeforeTheFinalCount) {
  const auto decoded = decode(kToolStream.substr(0, kToolStream.find("event: message_delta")));
  EXPECT_FALSE(decoded.complete);
  EXPECT_FALSE(decoded.response.usage_known) << "message_start counts only the first token of the output";
  EXPECT_EQ(decoded.response.usage.input, 1320);
  EXPECT_EQ(uses_of(decoded.events).size(), 1u);
}

TEST(AnthropicStream, MalformedArgumentsStayText) {
  const auto decoded = decode(
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\": oo"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":3}}

data: {"type":"message_stop"}
)");
  ASSERT_EQ(decoded.response.message.tool_uses.size(), 1u);
  EXPECT_EQ(decoded.response.message.tool_uses[0].arguments, R"({"a": oo)");
  EXPECT_EQ(decoded.response.stop, StopReason::kLength);
  ModelRequest request;
  request.model = "m";
  request.messages = {message(Role::kUser, "go"), decoded.response.message, tool_result("t", "not JSON", true)};
  const auto body = encode_anthropic_request(request, {true, false, 9}).value();
  EXPECT_THAT(to_json(body), HasSubstr(R"("input":{"malformed_arguments":"{\"a\": oo"})"));
  EXPECT_THAT(to_json(body), HasSubstr(R"("is_error":true)"));
}

TEST(AnthropicStream, NoArgumentsIsAnEmptyObject) {
  const auto decoded = decode(
      R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}

data: {"type":"content_block_stop","index":0}
)");
  ASSERT_EQ(uses_of(decoded.events).size(), 1u);
  EXPECT_EQ(uses_of(decoded.events)[0].arguments, "{}");
}

TEST(AnthropicStream, UnknownBlocksAreKept) {
  const auto decoded =
      decode(R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"ENC"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"s","name":"web_search","input":{}}}

data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"q\":1}"}}

data: {"type":"content_block_stop","index":1}

data: {"type":"a_new_event","x":1}

data: {"type":"message_delta","delta":{"stop_reason":"pause_turn"}}

data: {"type":"message_stop"}
)");
  ASSERT_FALSE(decoded.failure);
  EXPECT_TRUE(uses_of(decoded.events).empty()) << "a tool that ran at the provider is no proposal";
  EXPECT_EQ(decoded.response.stop, StopReason::kOther);
  EXPECT_EQ(
      to_json(*find(decoded.response.message.extra, "anthropic_content")),
      R"([{"type":"redacted_thinking","data":"ENC"},{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}])");
}

TEST(AnthropicStream, Errors) {
  const auto overloaded = decode(
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n");
  ASSERT_TRUE(overloaded.failure);
  EXPECT_TRUE(overloaded.failure->retryable);
  for (const std::string_view wire :
       {"data: x\n", "data: {}\n", "data: {\"type\":\"content_block_stop\",\"index\":3}\n",
        "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n",
        "data: {\"type\":\"content_block_start\",\"index\":0}\n", "data: {\"type\":\"message_start\"}\n"}) {
    const auto decoded = decode(wire);
    ASSERT_TRUE(decoded.failure) << wire;
    EXPECT_EQ(decoded.failure->error.code(), Code::kDataLoss);
    EXPECT_FALSE(decoded.failure->retryable);
  }
}

TEST(AnthropicStream, LimitsHold) {
  auto decoder = make_anthropic_stream_decoder();
  std::vector<Event> events;
  std::optional<UpstreamFailure> failure;
  std::size_t blocks = 0;
  for (; blocks < 10'000 && !failure; ++blocks) {
    const auto data = fmt::format(
        R"({{"type":"content_block_start","index":{},"content_block":{{"type":"text","text":""}}}})", blocks);
    if (auto fed = decoder->feed("", data, events); !fed) failure = fed.error();
  }
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->error.code(), Code::kResourceExhausted);
  EXPECT_EQ(blocks, limits::kContentBlocksPerAnswer + 1);
}

TEST(AnthropicWhole, IsDecoded) {
  const auto response =
      decode_anthropic_response(
          object(R"({"id":"msg","type":"message","role":"assistant","model":"c","stop_reason":"tool_use",
    "content":[{"type":"text","text":"Hi","citations":null},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],
    "usage":{"input_tokens":3,"cache_read_input_tokens":7,"output_tokens":2}})"))
          .value();
  EXPECT_EQ(response.message.text, "Hi");
  EXPECT_EQ(response.message.tool_uses.at(0).arguments, R"({"a":1})");
  EXPECT_EQ(response.usage, (Usage{10, 7, 0, 2, 0}));
  EXPECT_TRUE(response.message.extra.empty());
  EXPECT_FALSE(decode_anthropic_response(object(R"({"type":"error","error":{"type":"api_error","message":"x"}})")));
  EXPECT_FALSE(decode_anthropic_response(object("{}")));
}

TEST(AnthropicEncode, Request) {
  ModelRequest request;
  request.model = "claude-x";
  request.messages = {message(Role::kSystem, "Be brief."), message(Role::kUser, "List."),
                      message(Role::kAssistant, "")};
  request.messages[2].tool_uses = {{"a", "f", R"({"x":1})"}, {"b", "g", ""}};
  request.messages.push_back(tool_result("a", "one"));
  request.messages.push_back(tool_result("b", ""));
  request.messages.push_back(message(Role::kUser, "Go on."));
  request.tools = {{"f", "Does f.", {}}, {"g", "", object(R"({"type":"object","properties":{}})")}};
  request.extra = object(
      R"({"temperature":0,"stop":"END","tool_choice":"required","parallel_tool_calls":false,"seed":7,"user":"u1","thinking":{"type":"enabled","budget_tokens":1024}})");
  const auto body = encode_anthropic_request(request, {true, true, 4096}).value();
  EXPECT_EQ(
      to_json(body),
      R"({"model":"claude-x","max_tokens":4096,"system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}],)"
      R"("tools":[{"name":"f","description":"Does f.","input_schema":{"type":"object"}},{"name":"g","input_schema":{"type":"object","properties":{}}}],)"
      R"("messages":[{"role":"user","content":[{"type":"text","text":"List."}]},)"
      R"({"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}]},)"
      R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"one"},{"type":"tool_result","tool_use_id":"b"},)"
      R"({"type":"text","text":"Go on.","cache_control":{"type":"ephemeral"}}]}],"stream":true,"temperature":0,"stop_sequences":["END"],)"
      R"("tool_choice":{"type":"any","disable_parallel_tool_use":true},"metadata":{"user_id":"u1"},"thinking":{"type":"enabled","budget_tokens":1024}})");
}

TEST(AnthropicEncode, WhatItCannotSayIsRefused) {
  ModelRequest request;
  request.model = "m";
  EXPECT_FALSE(encode_anthropic_request(request, {})) << "no messages";
  request.messages = {message(Role::kUser, "x")};
  request.extra = object(R"({"response_format":{"type":"json_object"}})");
  EXPECT_THAT(encode_anthropic_request(request, {}).error().message(), HasSubstr("response_format"));
  request.extra = object(R"({"response_format":{"type":"text"}})");
  EXPECT_TRUE(encode_anthropic_request(request, {}));
  request.messages[0].extra = object(R"({"openai_content":[{"type":"image_url"}]})");
  EXPECT_THAT(encode_anthropic_request(request, {}).error().message(), HasSubstr("messages[0]"));
}

}  // namespace
}  // namespace remit::models

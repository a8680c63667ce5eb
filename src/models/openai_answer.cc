// Front door: ModelResponse and Events → Chat Completions answer and stream chunks.
#include <fmt/format.h>

#include "models/openai_wire.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

using wire::text;

std::string_view finish_reason_of(StopReason stop, bool has_tool_calls) {
  switch (stop) {
    case StopReason::kToolUse: return has_tool_calls ? "tool_calls" : "stop";
    case StopReason::kLength: return "length";
    case StopReason::kRefused: return "content_filter";
    default: return "stop";
  }
}

json::object encode_usage(const Usage& usage) {
  return {{"prompt_tokens", usage.input},
          {"completion_tokens", usage.output},
          {"total_tokens", usage.input + usage.output},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_input}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning}}}};
}

json::object encode_use(const ToolUse& use) {
  return {{"id", text(use.id)},
          {"type", "function"},
          {"function", {{"name", text(use.name)}, {"arguments", text(use.arguments)}}}};
}

std::string event_line(const json::object& object) { return "data: " + to_json(object) + "\n\n"; }

// What the status means in the words of this API.
std::string_view error_type(unsigned status) {
  switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 404: return "not_found_error";
    case 429: return "rate_limit_error";
    default: return status < 500 ? "invalid_request_error" : "server_error";
  }
}

}  // namespace

unsigned openai_status_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kOutOfRange:
    case Code::kFailedPrecondition: return 400;
    case Code::kUnauthenticated: return 401;
    case Code::kPermissionDenied: return 403;
    case Code::kNotFound: return 404;
    case Code::kAlreadyExists:
    case Code::kConflict: return 409;
    case Code::kResourceExhausted: return 429;
    case Code::kDataLoss: return 502;
    case Code::kUnavailable:
    case Code::kCancelled: return 503;
    case Code::kDeadlineExceeded: return 504;
    default: return 500;
  }
}

json::object encode_openai_error(const Error& error) {
  json::object inner{{"message", text(error.to_string())},
                     {"type", text(error_type(openai_status_of(error.code())))},
                     {"param", nullptr},
                     {"code", text(to_string(error.code()))}};
  return {{"error", std::move(inner)}};
}

json::object encode_openai_response(const ModelResponse& response, const OpenAiAnswerInfo& info) {
  json::object message{{"role", "assistant"}};
  const Message& answer = response.message;
  if (answer.text.empty() && !answer.tool_uses.empty()) {
    message["content"] = nullptr;
  } else {
    message["content"] = text(answer.text);
  }
  if (!answer.reasoning.empty()) message["reasoning_content"] = text(answer.reasoning);
  if (!answer.tool_uses.empty()) {
    json::array calls;
    for (const auto& use : answer.tool_uses) calls.push_back(encode_use(use));
    message["tool_calls"] = std::move(calls);
  }
  message["refusal"] = nullptr;
  json::object choice{{"index", 0},
                      {"message", std::move(message)},
                      {"logprobs", nullptr},
                      {"finish_reason", text(finish_reason_of(response.stop, !answer.tool_uses.empty()))}};
  return {{"id", text(info.id)},
          {"object", "chat.completion"},
          {"created", info.created_unix_s},
          {"model", text(info.model)},
          {"choices", json::array{std::move(choice)}},
          {"usage", encode_usage(response.usage)}};
}

std::string OpenAiStreamEncoder::chunk(json::object delta, json::value finish_reason) {
  if (!begun_) {
    // The first chunk says who speaks; clients build the message from it.
    begun_ = true;
    delta["role"] = "assistant";
    if (!delta.contains("content")) delta["content"] = nullptr;
  }
  json::object choice{
      {"index", 0}, {"delta", std::move(delta)}, {"logprobs", nullptr}, {"finish_reason", std::move(finish_reason)}};
  json::object out{{"id", text(info_.id)},
                   {"object", "chat.completion.chunk"},
                   {"created", info_.created_unix_s},
                   {"model", text(info_.model)},
                   {"choices", json::array{std::move(choice)}}};
  if (include_usage_) out["usage"] = nullptr;
  return event_line(out);
}

std::string OpenAiStreamEncoder::on_event(const Event& event) {
  if (const auto* piece = std::get_if<Chunk>(&event)) {
    if (piece->bytes.empty()) return "";
    if (piece->stream == Chunk::Stream::kText) return chunk({{"content", text(piece->bytes)}}, nullptr);
    if (piece->stream == Chunk::Stream::kReasoning) return chunk({{"reasoning_content", text(piece->bytes)}}, nullptr);
  }
  if (const auto* proposed = std::get_if<ProposedAction>(&event)) {
    json::object call = encode_use(proposed->use);
    call["index"] = tool_calls_++;
    return chunk({{"tool_calls", json::array{std::move(call)}}}, nullptr);
  }
  return "";
}

std::string OpenAiStreamEncoder::finish(const Outcome& outcome) {
  if (!outcome.ok) {
    const Error error = outcome.error.value_or(Error(Code::kInternal, outcome.text));
    return event_line(encode_openai_error(error));
  }
  const StopReason stop = outcome.response ? outcome.response->stop : StopReason::kEnd;
  std::string out = chunk({}, text(finish_reason_of(stop, tool_calls_ > 0)));
  if (include_usage_) {
    out += event_line({{"id", text(info_.id)},
                       {"object", "chat.completion.chunk"},
                       {"created", info_.created_unix_s},
                       {"model", text(info_.model)},
                       {"choices", json::array{}},
                       {"usage", encode_usage(outcome.usage)}});
  }
  return out + "data: [DONE]\n\n";
}

}  // namespace remit::models

// Whole Chat Completions answers, and what they share with streams.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "models/limits.h"
#include "models/openai_wire.h"
#include "models/wire/openai_answer.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace wire {

StopReason openai_stop(std::string_view finish_reason) {
  if (finish_reason == "stop") return StopReason::kEnd;
  if (finish_reason == "tool_calls" || finish_reason == "function_call") return StopReason::kToolUse;
  if (finish_reason == "length") return StopReason::kLength;
  if (finish_reason == "content_filter") return StopReason::kRefused;
  return StopReason::kOther;
}

std::optional<Usage> openai_usage(const json::object& object) {
  const auto input = count(object, "prompt_tokens");
  const auto output = count(object, "completion_tokens");
  if (!input || !output) return std::nullopt;
  Usage usage;
  usage.input = *input;
  usage.output = *output;
  if (const auto* details = find_object(object, "prompt_tokens_details")) {
    usage.cached_input = std::min(count(*details, "cached_tokens").value_or(0), usage.input);
    // Gateways that front Anthropic models report cache writes here.
    usage.cache_write =
        std::min(count(*details, "cache_creation_tokens").value_or(0), usage.input - usage.cached_input);
  } else if (const auto hit = count(object, "prompt_cache_hit_tokens")) {
    usage.cached_input = std::min(*hit, usage.input);
  }
  if (const auto* details = find_object(object, "completion_tokens_details")) {
    usage.reasoning = std::min(count(*details, "reasoning_tokens").value_or(0), usage.output);
  }
  return usage;
}

UpstreamFailure openai_failure(const json::value& error) {
  std::string message, kind;
  std::int64_t status = 0;
  if (const auto* object = error.if_object()) {
    message = get_string(*object, "message");
    kind = get_string(*object, "code");
    if (kind.empty()) kind = get_string(*object, "type");
    status = get_int(*object, "code");
  } else if (const auto* string = error.if_string()) {
    message = view(*string);
  }
  constexpr std::array<std::string_view, 5> kPassing = {"server_error", "rate_limit_exceeded", "overloaded_error",
                                                        "service_unavailable", "timeout"};
  const bool passing = std::ranges::find(kPassing, kind) != kPassing.end() || status == 429 || status >= 500;
  return {Error(passing ? Code::kUnavailable : Code::kFailedPrecondition,
                fmt::format("the provider broke its answer off with an error{}: {}",
                            kind.empty() ? "" : fmt::format(" ({})", printable(kind, 60)),
                            printable(message.empty() ? to_json(error) : message, limits::kErrorExcerptBytes))),
          passing, std::nullopt};
}

std::string openai_content_text(const json::value* content) {
  if (!content) return "";
  if (const auto* string = content->if_string()) return std::string(view(*string));
  std::string out;
  if (const auto* parts = content->if_array()) {
    for (const auto& part : *parts) {
      if (const auto* object = part.if_object()) out += get_string(*object, "text");
    }
  }
  return out;
}

bool is_known_openai_member(std::string_view key) {
  constexpr std::array<std::string_view, 8> kKnown = {"role",      "content",      "tool_calls",        "function_call",
                                                      "reasoning", "tool_call_id", "reasoning_content", "refusal"};
  return is_private_member(key) || std::ranges::find(kKnown, key) != kKnown.end();
}

}  // namespace wire

namespace {

Result<> decode_tool_calls(const json::object& wire_message, std::string_view answer_id, Message& message) {
  const auto* calls = find_array(wire_message, "tool_calls");
  if (!calls) return {};
  if (calls->size() > limits::kToolUsesPerAnswer) {
    return fail(Code::kResourceExhausted, fmt::format("the answer holds {} tool calls, the limit is {}", calls->size(),
                                                      limits::kToolUsesPerAnswer));
  }
  for (const auto& call : *calls) {
    const auto* object = call.if_object();
    const auto* function = object ? find_object(*object, "function") : nullptr;
    if (!function) return fail(wire::garbage("Chat Completions", "a tool call without function", to_json(call)));
    ToolUse use{std::string(get_string(*object, "id")), std::string(get_string(*function, "name")),
                wire::arguments_text(find(*function, "arguments"))};
    if (use.id.empty()) use.id = wire::made_up_id(answer_id, message.tool_uses.size());
    message.tool_uses.push_back(std::move(use));
  }
  return {};
}

}  // namespace

Result<ModelResponse> decode_openai_response(const json::object& body) {
  if (const auto* error = find(body, "error"); error && !error->is_null())
    return fail(wire::openai_failure(*error).error);
  const auto* choices = find_array(body, "choices");
  const auto* choice = choices && !choices->empty() ? choices->front().if_object() : nullptr;
  const auto* wire_message = choice ? find_object(*choice, "message") : nullptr;
  if (!wire_message) return fail(wire::garbage("Chat Completions", "no choices[0].message", to_json(body)));

  ModelResponse response;
  response.model = get_string(body, "model");
  response.request_id = get_string(body, "id");
  Message& message = response.message;
  message.role = Role::kAssistant;
  message.text = wire::openai_content_text(find(*wire_message, "content"));
  message.reasoning = get_string(*wire_message, "reasoning_content", get_string(*wire_message, "reasoning"));
  response.stop = wire::openai_stop(get_string(*choice, "finish_reason"));
  if (const auto refusal = get_string(*wire_message, "refusal"); !refusal.empty()) {
    message.text += refusal;
    response.stop = StopReason::kRefused;
  }
  REMIT_CHECK_OK(decode_tool_calls(*wire_message, response.request_id, message));
  if (!message.tool_uses.empty() && response.stop == StopReason::kEnd) response.stop = StopReason::kToolUse;
  for (const auto& member : *wire_message) {
    if (!wire::is_known_openai_member(member.key()) && !member.value().is_null())
      message.extra[member.key()] = member.value();
  }
  if (const auto* usage = find_object(body, "usage")) {
    if (const auto known = wire::openai_usage(*usage)) response.usage = *known, response.usage_known = true;
  }
  return response;
}

}  // namespace remit::models

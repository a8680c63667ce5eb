// Whole Messages answers, and what they share with streams.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "models/anthropic_wire.h"
#include "models/limits.h"
#include "models/wire/anthropic_answer.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace wire {

StopReason anthropic_stop(std::string_view stop_reason) {
  if (stop_reason == "end_turn" || stop_reason == "stop_sequence") return StopReason::kEnd;
  if (stop_reason == "tool_use") return StopReason::kToolUse;
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return StopReason::kLength;
  if (stop_reason == "refusal") return StopReason::kRefused;
  return StopReason::kOther;
}

void AnthropicUsage::merge(const json::object& usage) {
  const auto take = [&](std::optional<std::int64_t>& into, std::string_view key) {
    if (const auto number = count(usage, key)) into = number;
  };
  take(input, "input_tokens");
  take(cache_read, "cache_read_input_tokens");
  take(cache_creation, "cache_creation_input_tokens");
  take(output, "output_tokens");
}

Usage AnthropicUsage::to_usage() const {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;  // Keeps the sums far from overflow.
  Usage usage;
  usage.cached_input = std::min(cache_read.value_or(0), kMost);
  usage.cache_write = std::min(cache_creation.value_or(0), kMost);
  usage.input = std::min(input.value_or(0), kMost) + usage.cached_input + usage.cache_write;
  usage.output = std::min(output.value_or(0), kMost);
  return usage;
}

UpstreamFailure anthropic_failure(const json::object& error) {
  const std::string type(get_string(error, "type"));
  constexpr std::array<std::string_view, 4> kPassing = {"overloaded_error", "rate_limit_error", "api_error",
                                                        "timeout_error"};
  const bool passing = std::ranges::find(kPassing, type) != kPassing.end();
  return {Error(passing ? Code::kUnavailable : Code::kFailedPrecondition,
                fmt::format("the provider broke its answer off with an error ({}): {}",
                            type.empty() ? "no type" : printable(type, 60),
                            printable(get_string(error, "message"), limits::kErrorExcerptBytes))),
          passing, std::nullopt};
}

bool must_keep_blocks(const json::array& blocks) {
  bool seen_text = false, seen_use = false;
  for (const auto& block : blocks) {
    const auto& object = block.get_object();
    const auto type = get_string(object, "type");
    const bool plain_text = type == "text" && object.size() == 2 && !seen_text && !seen_use;
    const bool plain_use = type == "tool_use" && object.size() == 4;
    if (!plain_text && !plain_use) return true;
    seen_text |= plain_text, seen_use |= plain_use;
  }
  return false;
}

json::object without_nulls(const json::object& block) {
  json::object out;
  for (const auto& member : block) {
    if (!member.value().is_null()) out[member.key()] = member.value();
  }
  return out;
}

}  // namespace wire

Result<ModelResponse> decode_anthropic_response(const json::object& body) {
  if (get_string(body, "type") == "error") {
    const auto* error = find_object(body, "error");
    return fail(wire::anthropic_failure(error ? *error : body).error);
  }
  const auto* content = find_array(body, "content");
  if (!content) return fail(wire::garbage("Anthropic Messages", "no content", to_json(body)));
  if (content->size() > limits::kContentBlocksPerAnswer) {
    return fail(Code::kResourceExhausted,
                fmt::format("the answer holds more than {} blocks, the limit", limits::kContentBlocksPerAnswer));
  }
  ModelResponse response;
  response.model = get_string(body, "model");
  response.request_id = get_string(body, "id");
  response.stop = wire::anthropic_stop(get_string(body, "stop_reason"));
  Message& message = response.message;
  message.role = Role::kAssistant;
  json::array blocks;
  for (const auto& block : *content) {
    const auto* object = block.if_object();
    if (!object) return fail(wire::garbage("Anthropic Messages", "a content block that is no object", to_json(block)));
    const auto type = get_string(*object, "type");
    if (type == "text") message.text += get_string(*object, "text");
    if (type == "thinking") message.reasoning += get_string(*object, "thinking");
    if (type == "tool_use") {
      message.tool_uses.push_back({std::string(get_string(*object, "id")), std::string(get_string(*object, "name")),
                                   wire::arguments_text(find(*object, "input"))});
    }
    blocks.push_back(wire::without_nulls(*object));
  }
  if (wire::must_keep_blocks(blocks)) message.extra["anthropic_content"] = std::move(blocks);
  wire::AnthropicUsage usage;
  if (const auto* object = find_object(body, "usage")) usage.merge(*object);
  response.usage = usage.to_usage();
  response.usage_known = usage.known();
  return response;
}

}  // namespace remit::models

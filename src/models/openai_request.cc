// ModelRequest → Chat Completions request, towards a provider.
#include <fmt/format.h>

#include <algorithm>

#include "models/openai_wire.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

using wire::is_private_member;
using wire::text;

json::array encode_tool_calls(const std::vector<ToolUse>& uses) {
  json::array calls;
  for (const auto& use : uses) {
    json::object function{{"name", text(use.name)}, {"arguments", text(use.arguments.empty() ? "{}" : use.arguments)}};
    calls.push_back(json::object{{"id", text(use.id)}, {"type", "function"}, {"function", std::move(function)}});
  }
  return calls;
}

json::object encode_message(const Message& message) {
  json::object out;
  const std::string_view role = get_string(message.extra, "openai_role", to_string(message.role));
  out["role"] = text(role);
  if (const auto* parts = find(message.extra, "openai_content")) {
    out["content"] = *parts;
  } else if (message.role == Role::kAssistant && message.text.empty() && !message.tool_uses.empty()) {
    out["content"] = nullptr;
  } else {
    out["content"] = text(message.text);
  }
  if (!message.tool_uses.empty()) out["tool_calls"] = encode_tool_calls(message.tool_uses);
  if (message.role == Role::kTool) out["tool_call_id"] = text(message.tool_use_id);
  for (const auto& member : message.extra) {
    if (!is_private_member(member.key()) && !out.contains(member.key())) out[member.key()] = member.value();
  }
  return out;
}

json::array encode_tools(const ModelRequest& request) {
  const auto* strict = find_array(request.extra, "openai_strict_tools");
  json::array tools;
  for (const auto& tool : request.tools) {
    json::object function{{"name", text(tool.name)}};
    if (!tool.description.empty()) function["description"] = text(tool.description);
    function["parameters"] = tool.input_schema;
    const json::value name(text(tool.name));
    if (strict && std::ranges::find(*strict, name) != strict->end()) function["strict"] = true;
    tools.push_back(json::object{{"type", "function"}, {"function", std::move(function)}});
  }
  return tools;
}

}  // namespace

Result<json::object> encode_openai_request(const ModelRequest& request, const OpenAiOptions& options) {
  json::object out{{"model", text(request.model)}};
  json::array messages;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const auto& message = request.messages[i];
    if (message.role == Role::kTool && message.tool_use_id.empty()) {
      return fail(invalid_argument(
          fmt::format("messages[{}] is a tool's answer without the id of the call that it answers", i)));
    }
    messages.push_back(encode_message(message));
  }
  out["messages"] = std::move(messages);
  if (!request.tools.empty()) out["tools"] = encode_tools(request);
  if (request.max_output_tokens > 0) {
    out[options.max_completion_tokens ? "max_completion_tokens" : "max_tokens"] = request.max_output_tokens;
  }
  for (const auto& member : request.extra) {
    if (!is_private_member(member.key()) && !out.contains(member.key())) out[member.key()] = member.value();
  }
  if (request.tools.empty()) {
    // The API refuses these two without tools, and the last turn of a run is asked without any.
    out.erase("tool_choice");
    out.erase("parallel_tool_calls");
  }
  out["stream"] = options.stream;
  out.erase("stream_options");
  if (options.stream && options.stream_usage) out["stream_options"] = json::object{{"include_usage", true}};
  return out;
}

}  // namespace remit::models

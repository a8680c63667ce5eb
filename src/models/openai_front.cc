// Front door: what a client of ours sends in the Chat Completions dialect → ModelRequest.
#include <fmt/format.h>

#include <array>

#include "base/strings.h"
#include "models/limits.h"
#include "models/openai_wire.h"
#include "models/wire/openai_answer.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

std::unexpected<Error> bad(std::string_view where, std::string_view what) {
  return fail(invalid_argument(fmt::format("{}: {}", where, what)));
}

std::string reserved(std::string_view name) {
  return fmt::format("the member '{}' is not of this API; names that begin with openai_ or anthropic_ are reserved",
                     printable(name, 60));
}

Result<Role> decode_role(const json::object& object, const std::string& where, json::object& extra) {
  const auto role = get_string(object, "role");
  if (role == "system") return Role::kSystem;
  if (role == "user") return Role::kUser;
  if (role == "assistant") return Role::kAssistant;
  if (role == "tool") return Role::kTool;
  if (role == "developer") {
    extra["openai_role"] = "developer";
    return Role::kSystem;
  }
  return bad(where + ".role",
             fmt::format("expected system, developer, user, assistant or tool, got '{}'", printable(role, 40)));
}

Result<> decode_content(const json::object& object, const std::string& where, Message& message) {
  const auto* content = find(object, "content");
  if (!content || content->is_null()) {
    if (message.role == Role::kAssistant) return {};
    return bad(where + ".content", "is missing");
  }
  if (!content->is_string() && !content->is_array())
    return bad(where + ".content", "expected a string or an array of parts");
  message.text = wire::openai_content_text(content);
  const auto* parts = content->if_array();
  if (!parts) return {};
  for (const auto& part : *parts) {
    if (!part.is_object()) return bad(where + ".content", "a part is no object");
    // Parts that are more than their text must reach the provider as they are.
    if (part.get_object().size() != 2 || get_string(part.get_object(), "type") != "text")
      message.extra["openai_content"] = *content;
  }
  return {};
}

Result<> decode_uses(const json::object& object, const std::string& where, Message& message) {
  const auto* calls = find(object, "tool_calls");
  if (!calls || calls->is_null()) return {};
  if (message.role != Role::kAssistant) return bad(where + ".tool_calls", "only an assistant message has them");
  if (!calls->is_array()) return bad(where + ".tool_calls", "expected an array");
  if (calls->get_array().size() > limits::kToolUsesPerAnswer) {
    return bad(where + ".tool_calls", fmt::format("there are more than {}, the limit", limits::kToolUsesPerAnswer));
  }
  for (std::size_t i = 0; i < calls->get_array().size(); ++i) {
    const std::string at = fmt::format("{}.tool_calls[{}]", where, i);
    const auto* call = calls->get_array()[i].if_object();
    const auto* function = call ? find_object(*call, "function") : nullptr;
    if (!function) return bad(at, "expected an object with id and function");
    const auto id = get_string(*call, "id");
    if (id.empty()) return bad(at + ".id", "is missing");
    message.tool_uses.push_back({std::string(id), std::string(get_string(*function, "name")),
                                 wire::arguments_text(find(*function, "arguments"))});
  }
  return {};
}

Result<Message> decode_message(const json::value& value, const std::string& where) {
  const auto* object = value.if_object();
  if (!object) return bad(where, "expected an object");
  Message message;
  REMIT_TRY(message.role, decode_role(*object, where, message.extra));
  REMIT_CHECK_OK(decode_content(*object, where, message));
  REMIT_CHECK_OK(decode_uses(*object, where, message));
  if (message.role == Role::kTool) {
    message.tool_use_id = get_string(*object, "tool_call_id");
    if (message.tool_use_id.empty())
      return bad(where + ".tool_call_id", "is missing: it names the call that this message answers");
  }
  if (find(*object, "function_call")) return bad(where + ".function_call", "is no longer supported; use tool_calls");
  if (message.role == Role::kAssistant)
    message.reasoning = get_string(*object, "reasoning_content", get_string(*object, "reasoning"));
  constexpr std::array<std::string_view, 4> kTaken = {"role", "content", "tool_calls", "tool_call_id"};
  for (const auto& member : *object) {
    if (wire::is_private_member(member.key())) return bad(where, reserved(member.key()));
    if (std::ranges::find(kTaken, std::string_view(member.key())) == kTaken.end() && !member.value().is_null()) {
      message.extra[member.key()] = member.value();
    }
  }
  return message;
}

Result<> decode_tools(const json::object& body, ModelRequest& request) {
  const auto* tools = find(body, "tools");
  if (!tools || tools->is_null()) return {};
  if (!tools->is_array()) return bad("tools", "expected an array");
  if (tools->get_array().size() > limits::kTools)
    return bad("tools", fmt::format("there are more than {}, the limit", limits::kTools));
  for (std::size_t i = 0; i < tools->get_array().size(); ++i) {
    const auto* tool = tools->get_array()[i].if_object();
    if (!tool || get_string(*tool, "type", "function") != "function") {
      return bad(fmt::format("tools[{}].type", i), "only \"function\" is supported here");
    }
    const auto* function = find_object(*tool, "function");
    const auto name = function ? get_string(*function, "name") : std::string_view();
    if (name.empty()) return bad(fmt::format("tools[{}].function.name", i), "is missing");
    ToolSpec spec{std::string(name), std::string(get_string(*function, "description")), {}};
    if (const auto* parameters = find_object(*function, "parameters")) spec.input_schema = *parameters;
    if (get_bool(*function, "strict")) {
      auto& strict = request.extra["openai_strict_tools"];
      if (!strict.is_array()) strict.emplace_array();
      strict.get_array().emplace_back(wire::text(name));
    }
    request.tools.push_back(std::move(spec));
  }
  return {};
}

Result<> decode_output_limit(const json::object& body, ModelRequest& request) {
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const auto* value = find(body, name);
    if (!value || value->is_null()) continue;
    const auto number = wire::count(body, name);
    if (!number || *number == 0) return bad(name, "expected a whole number of at least 1");
    request.max_output_tokens = *number;
    return {};
  }
  return {};
}

bool is_taken_by_request(std::string_view key) {
  constexpr std::array<std::string_view, 8> kTaken = {
      "model", "messages", "tools", "max_tokens", "max_completion_tokens", "stream", "stream_options", "n"};
  return std::ranges::find(kTaken, key) != kTaken.end();
}

}  // namespace

Result<OpenAiClientRequest> decode_openai_request(const json::object& body) {
  OpenAiClientRequest out;
  out.request.model = get_string(body, "model");
  if (out.request.model.empty()) return bad("model", "is missing or no string");
  const auto* messages = find_array(body, "messages");
  if (!messages || messages->empty()) return bad("messages", "expected an array with at least one message");
  if (messages->size() > limits::kMessages)
    return bad("messages", fmt::format("there are more than {}, the limit", limits::kMessages));
  for (std::size_t i = 0; i < messages->size(); ++i) {
    REMIT_TRY(auto message, decode_message((*messages)[i], fmt::format("messages[{}]", i)));
    out.request.messages.push_back(std::move(message));
  }
  for (const std::string_view old : {"functions", "function_call"}) {
    if (find(body, old)) return bad(old, "is no longer supported; use tools and tool_choice");
  }
  if (get_int(body, "n", 1) != 1) return bad("n", "only one answer for one request is supported");
  REMIT_CHECK_OK(decode_tools(body, out.request));
  REMIT_CHECK_OK(decode_output_limit(body, out.request));
  out.stream = get_bool(body, "stream");
  if (const auto* options = find_object(body, "stream_options"))
    out.include_usage = get_bool(*options, "include_usage");
  for (const auto& member : body) {
    if (wire::is_private_member(member.key())) return bad(member.key(), reserved(member.key()));
    if (!is_taken_by_request(member.key()) && !member.value().is_null())
      out.request.extra[member.key()] = member.value();
  }
  return out;
}

}  // namespace remit::models

#include "core/model.h"

#include "core/enum_names.h"

namespace remit {

static constexpr EnumNames<Role, 4> kRoles{"a role", {"system", "user", "assistant", "tool"}};
static constexpr EnumNames<StopReason, 5> kStops{"a stop reason", {"end", "tool_use", "length", "refused", "other"}};

std::string_view to_string(Role role) { return kRoles.name(role); }
std::string_view to_string(StopReason reason) { return kStops.name(reason); }

json::object to_json_object(const Message& message) {
  json::object object{{"role", jsv(to_string(message.role))}, {"text", message.text}};
  if (!message.reasoning.empty()) object["reasoning"] = message.reasoning;
  if (!message.tool_uses.empty()) {
    json::array uses;
    for (const auto& use : message.tool_uses) {
      uses.push_back(json::object{{"id", use.id}, {"name", use.name}, {"arguments", use.arguments}});
    }
    object["toolUses"] = std::move(uses);
  }
  if (!message.tool_use_id.empty()) object["toolUseId"] = message.tool_use_id;
  if (message.is_error) object["isError"] = true;
  if (!message.extra.empty()) object["extra"] = message.extra;
  return object;
}

Result<Message> message_from_json(const json::object& object) {
  Message message;
  REMIT_TRY(message.role, kRoles.parse(get_string(object, "role")));
  message.text = get_string(object, "text");
  message.reasoning = get_string(object, "reasoning");
  message.tool_use_id = get_string(object, "toolUseId");
  message.is_error = get_bool(object, "isError");
  if (const auto* extra = find_object(object, "extra")) message.extra = *extra;
  if (const auto* uses = find_array(object, "toolUses")) {
    for (const auto& value : *uses) {
      if (!value.is_object()) return fail(invalid_argument("toolUses: expected objects"));
      const auto& use = value.get_object();
      message.tool_uses.push_back({std::string(get_string(use, "id")), std::string(get_string(use, "name")),
                                   std::string(get_string(use, "arguments"))});
    }
  }
  return message;
}

json::object to_json_object(const Usage& usage) {
  return {{"input", usage.input},
          {"cachedInput", usage.cached_input},
          {"cacheWrite", usage.cache_write},
          {"output", usage.output},
          {"reasoning", usage.reasoning}};
}

Usage usage_from_json(const json::object& object) {
  return {get_int(object, "input"), get_int(object, "cachedInput"), get_int(object, "cacheWrite"),
          get_int(object, "output"), get_int(object, "reasoning")};
}

json::object to_json_object(const ModelResponse& response) {
  json::object object{{"message", to_json_object(response.message)},
                      {"stop", jsv(to_string(response.stop))},
                      {"usage", to_json_object(response.usage)},
                      {"usageKnown", response.usage_known}};
  if (!response.model.empty()) object["model"] = response.model;
  if (!response.request_id.empty()) object["requestId"] = response.request_id;
  return object;
}

Result<ModelResponse> model_response_from_json(const json::object& object) {
  ModelResponse response;
  const auto* message = find_object(object, "message");
  if (!message) return fail(invalid_argument("model response: message is missing"));
  REMIT_TRY(response.message, message_from_json(*message));
  REMIT_TRY(response.stop, kStops.parse(get_string(object, "stop", "end")));
  if (const auto* usage = find_object(object, "usage")) response.usage = usage_from_json(*usage);
  response.usage_known = get_bool(object, "usageKnown");
  response.model = get_string(object, "model");
  response.request_id = get_string(object, "requestId");
  return response;
}

json::object to_json_object(const ModelRequest& request) {
  json::array messages, tools;
  for (const auto& message : request.messages) messages.push_back(to_json_object(message));
  for (const auto& tool : request.tools) {
    tools.push_back(
        json::object{{"name", tool.name}, {"description", tool.description}, {"inputSchema", tool.input_schema}});
  }
  json::object object{{"model", request.model}, {"messages", std::move(messages)}, {"tools", std::move(tools)}};
  if (request.max_output_tokens > 0) object["maxOutputTokens"] = request.max_output_tokens;
  if (!request.extra.empty()) object["extra"] = request.extra;
  return object;
}

}  // namespace remit

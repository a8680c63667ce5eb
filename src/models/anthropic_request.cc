// ModelRequest → Anthropic Messages request.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "models/anthropic_wire.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

using wire::text;

json::object text_block(std::string_view value) { return {{"type", "text"}, {"text", text(value)}}; }

// The API takes only an object as input. What a model wrote badly goes back as it was, so that it can see its mistake.
json::value input_of(const ToolUse& use) {
  if (use.arguments.empty()) return json::object{};
  if (auto parsed = parse_json_object(use.arguments)) return std::move(*parsed);
  return json::object{{"malformed_arguments", text(use.arguments)}};
}

// Whether the kept blocks still say what the message says: a stage in between may have changed text or tool uses.
bool blocks_match(const json::array& blocks, const Message& message) {
  std::string said;
  std::size_t uses = 0;
  for (const auto& block : blocks) {
    const auto* object = block.if_object();
    if (!object) return false;
    if (get_string(*object, "type") == "text") said += get_string(*object, "text");
    if (get_string(*object, "type") != "tool_use") continue;
    if (uses >= message.tool_uses.size() || get_string(*object, "id") != message.tool_uses[uses].id) return false;
    ++uses;
  }
  return said == message.text && uses == message.tool_uses.size();
}

json::array assistant_blocks(const Message& message) {
  const auto* kept = find_array(message.extra, "anthropic_content");
  if (kept && blocks_match(*kept, message)) return *kept;
  json::array blocks;
  // Thinking goes first and goes back unchanged, or the signature would not hold.
  for (const auto& block : kept ? *kept : json::array{}) {
    const auto* object = block.if_object();
    if (object && get_string(*object, "type").ends_with("thinking")) blocks.push_back(block);
  }
  if (!message.text.empty()) blocks.push_back(text_block(message.text));
  for (const auto& use : message.tool_uses) {
    blocks.push_back(
        json::object{{"type", "tool_use"}, {"id", text(use.id)}, {"name", text(use.name)}, {"input", input_of(use)}});
  }
  return blocks;
}

json::array message_blocks(const Message& message) {
  if (message.role == Role::kAssistant) return assistant_blocks(message);
  if (message.role == Role::kTool) {
    json::object block{{"type", "tool_result"}, {"tool_use_id", text(message.tool_use_id)}};
    if (!message.text.empty()) block["content"] = text(message.text);
    if (message.is_error) block["is_error"] = true;
    return {std::move(block)};
  }
  if (const auto* blocks = find_array(message.extra, "anthropic_content")) return *blocks;
  // An empty text block is refused by the API.
  return message.text.empty() ? json::array{} : json::array{text_block(message.text)};
}

// Messages of one role in a row become one: results of parallel tool calls must stand together, before any text.
Result<json::array> encode_messages(const ModelRequest& request) {
  json::array out;
  std::string_view last_role;
  for (std::size_t i = 0; i < request.messages.size(); ++i) {
    const auto& message = request.messages[i];
    if (message.role == Role::kSystem) continue;
    if (find(message.extra, "openai_content")) {
      return fail(
          invalid_argument(fmt::format("messages[{}] has parts (an image, a file) in OpenAI's form, which this "
                                       "provider's Anthropic dialect cannot take",
                                       i)));
    }
    json::array blocks = message_blocks(message);
    if (blocks.empty()) continue;
    const std::string_view role = message.role == Role::kAssistant ? "assistant" : "user";
    if (role != last_role) {
      out.push_back(json::object{{"role", text(role)}, {"content", std::move(blocks)}});
    } else {
      auto& content = out.back().at("content").get_array();
      content.insert(content.end(), blocks.begin(), blocks.end());
    }
    last_role = role;
  }
  if (out.empty()) return fail(invalid_argument("a request needs at least one message that is not a system message"));
  return out;
}

json::array encode_system(const ModelRequest& request) {
  json::array blocks;
  for (const auto& message : request.messages) {
    if (message.role == Role::kSystem && !message.text.empty()) blocks.push_back(text_block(message.text));
  }
  return blocks;
}

json::array encode_tools(const ModelRequest& request) {
  json::array tools;
  for (const auto& tool : request.tools) {
    json::object out{{"name", text(tool.name)}};
    if (!tool.description.empty()) out["description"] = text(tool.description);
    out["input_schema"] = tool.input_schema.empty() ? json::object{{"type", "object"}} : tool.input_schema;
    tools.push_back(std::move(out));
  }
  return tools;
}

json::value encode_tool_choice(const json::value& choice) {
  if (const auto* object = choice.if_object()) {
    const auto* function = find_object(*object, "function");
    if (!function) return choice;  // Already in this dialect.
    return json::object{{"type", "tool"}, {"name", text(get_string(*function, "name"))}};
  }
  const auto* name = choice.if_string();
  return json::object{{"type", name && *name == "required" ? "any" : name && *name == "none" ? "none" : "auto"}};
}

// Parameters that only tune or log on OpenAI's side: leaving them out changes no meaning.
bool is_droppable(std::string_view key) {
  constexpr std::array<std::string_view, 14> kDropped = {"seed",
                                                         "store",
                                                         "logprobs",
                                                         "top_logprobs",
                                                         "presence_penalty",
                                                         "frequency_penalty",
                                                         "logit_bias",
                                                         "prediction",
                                                         "n",
                                                         "reasoning_effort",
                                                         "prompt_cache_key",
                                                         "verbosity",
                                                         "parallel_tool_calls",
                                                         "safety_identifier"};
  return std::ranges::find(kDropped, key) != kDropped.end() || wire::is_private_member(key);
}

Result<> encode_options(const ModelRequest& request, json::object& out) {
  for (const auto& member : request.extra) {
    const std::string_view key = member.key();
    const json::value& value = member.value();
    if (key == "stop") {
      out["stop_sequences"] = value.is_array() ? value : json::value(json::array{value});
    } else if (key == "user") {
      out["metadata"] = json::object{{"user_id", value}};
    } else if (key == "tool_choice") {
      if (!request.tools.empty()) out["tool_choice"] = encode_tool_choice(value);
    } else if (key == "response_format" && !(value.is_object() && get_string(value.get_object(), "type") == "text")) {
      return fail(
          invalid_argument("response_format has no equal in the Anthropic dialect of this provider; ask for JSON in "
                           "the prompt or by a tool"));
    } else if (key != "response_format" && !is_droppable(key) && !out.contains(member.key())) {
      out[member.key()] = value;
    }
  }
  if (!request.tools.empty() && !get_bool(request.extra, "parallel_tool_calls", true)) {
    auto& choice = out["tool_choice"];
    if (!choice.is_object()) choice = json::object{{"type", "auto"}};
    choice.get_object()["disable_parallel_tool_use"] = true;
  }
  return {};
}

// The cache takes everything up to a mark: tools and system in one, the conversation so far in the other.
void mark_for_cache(json::array& blocks) {
  if (blocks.empty()) return;
  auto* last = blocks.back().if_object();
  // Thinking blocks cannot carry the mark.
  if (last && !get_string(*last, "type").ends_with("thinking"))
    (*last)["cache_control"] = json::object{{"type", "ephemeral"}};
}

}  // namespace

Result<json::object> encode_anthropic_request(const ModelRequest& request, const AnthropicOptions& options) {
  json::object out{{"model", text(request.model)}};
  out["max_tokens"] = request.max_output_tokens > 0 ? request.max_output_tokens : options.default_max_output_tokens;
  json::array system = encode_system(request);
  json::array tools = encode_tools(request);
  REMIT_TRY(auto messages, encode_messages(request));
  if (options.prompt_caching) {
    mark_for_cache(system.empty() ? tools : system);
    mark_for_cache(messages.back().at("content").get_array());
  }
  if (!system.empty()) out["system"] = std::move(system);
  if (!tools.empty()) out["tools"] = std::move(tools);
  out["messages"] = std::move(messages);
  out["stream"] = options.stream;
  REMIT_CHECK_OK(encode_options(request, out));
  return out;
}

}  // namespace remit::models

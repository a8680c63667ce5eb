// A conversation with a model in one form for every dialect (OpenAI Chat Completions, Anthropic Messages, recorded).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/usage.h"

namespace remit {

enum class Role : std::uint8_t { kSystem, kUser, kAssistant, kTool };

struct ToolUse {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text exactly as the model wrote it; may be malformed.
};

struct Message {
  Role role = Role::kUser;
  std::string text;
  std::string reasoning;           // Assistant only: what it thought, when the provider tells.
  std::vector<ToolUse> tool_uses;  // Assistant only.
  std::string tool_use_id;         // Tool only: which use this answers.
  bool is_error = false;           // Tool only.
  json::object extra;              // Members of the wire message that we do not know, passed on untouched.
};

struct ToolSpec {
  std::string name;  // As the model sees it: "files_read" (dots are not legal in function names).
  std::string description;
  json::object input_schema;
};

struct ModelRequest {
  std::string provider;  // Name of the ModelProvider.
  std::string model;
  std::vector<Message> messages;
  std::vector<ToolSpec> tools;
  std::int64_t max_output_tokens = 0;  // 0: the provider's default.
  json::object extra;                  // temperature, tool_choice …: passed on to a provider of the same dialect.
};

enum class StopReason : std::uint8_t { kEnd, kToolUse, kLength, kRefused, kOther };

struct ModelResponse {
  Message message;
  StopReason stop = StopReason::kEnd;
  Usage usage;
  bool usage_known = false;  // False: the stream broke off before the provider told; usage then is our estimate.
  std::string model;         // As the provider names the model that answered.
  std::string request_id;    // The provider's.
};

std::string_view to_string(Role role);          // "system", "user", "assistant", "tool"
std::string_view to_string(StopReason reason);  // "end", "tool_use", "length", "refused", "other"

json::object to_json_object(const Message& message);
Result<Message> message_from_json(const json::object& object);
json::object to_json_object(const ModelResponse& response);
Result<ModelResponse> model_response_from_json(const json::object& object);
json::object to_json_object(const Usage& usage);
Usage usage_from_json(const json::object& object);
// The request in canonical member order, for hashing and for the recorded model's comparison.
json::object to_json_object(const ModelRequest& request);

}  // namespace remit

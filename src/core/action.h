// Action: one effect that an agent proposes, in one form whatever the channel it came by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/json.h"
#include "core/model.h"

namespace remit {

enum class ActionKind : std::uint8_t {
  kModelCall,
  kToolCall,
  kCommand,
  kFileChange,
  kHttpEgress,
  kKubernetesWrite,
  kMemoryRead,
  kMemoryWrite,
  kChildMission,
};

enum class Effect : std::uint8_t {
  kReadOnly,
  kWrite,         // Can be undone or repeated: inside the sandbox or the workspace.
  kIrreversible,  // Leaves the machine or cannot be taken back: `Started` is durable before it begins.
};

struct Action {
  ActionKind kind = ActionKind::kToolCall;
  std::string channel;  // builtin, openai, mcp, sandbox …
  std::string tool;     // What rules match: "files.read", "shell.run", "http.request", "model.call", "workspace.write".
  std::string
      resource;  // For people and rules: the path, the host:port, the first line of the command; already normalised.
  json::object args;             // What conditions see as `args`. Paths in it are normalised.
  std::string justification;     // Why, in the agent's own words; may be empty. Untrusted.
  std::string provider_call_id;  // The model's id of the tool call, "" when there is none.
  std::string trace_parent;      // W3C traceparent of the request that brought it, "" for none: recorded, never judged.
  Effect effect = Effect::kWrite;
  bool idempotent = false;
  // Present for kModelCall only: the request itself. args then holds its summary (model, messages, maxOutputTokens,
  // sha256).
  std::shared_ptr<const ModelRequest> model_request;

  // SHA-256 of kind, tool and args in canonical form: what a grant is bound to. Channel, justification and ids do not
  // count.
  std::string hash() const;
};

std::string_view to_string(ActionKind kind);  // "ModelCall" …
std::string_view to_string(Effect effect);    // "ReadOnly" …
Result<ActionKind> parse_action_kind(std::string_view text);
Result<Effect> parse_effect(std::string_view text);

json::object to_json_object(const Action& action);
Result<Action> action_from_json(const json::object& object);

}  // namespace remit

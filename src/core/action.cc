#include "core/action.h"

#include "base/strings.h"
#include "core/enum_names.h"

namespace remit {

static constexpr EnumNames<ActionKind, 9> kKinds{"a kind of action",
                                                 {"ModelCall", "ToolCall", "Command", "FileChange", "HttpEgress",
                                                  "KubernetesWrite", "MemoryRead", "MemoryWrite", "ChildMission"}};
static constexpr EnumNames<Effect, 3> kEffects{"an effect", {"ReadOnly", "Write", "Irreversible"}};

std::string_view to_string(ActionKind kind) { return kKinds.name(kind); }
std::string_view to_string(Effect effect) { return kEffects.name(effect); }
Result<ActionKind> parse_action_kind(std::string_view text) { return kKinds.parse(text); }
Result<Effect> parse_effect(std::string_view text) { return kEffects.parse(text); }

std::string Action::hash() const {
  return sha256_hex(canonical_json(json::object{{"kind", jsv(to_string(kind))}, {"tool", tool}, {"args", args}}));
}

json::object to_json_object(const Action& action) {
  json::object object{
      {"kind", jsv(to_string(action.kind))}, {"channel", action.channel}, {"tool", action.tool},
      {"resource", action.resource},         {"args", action.args},       {"effect", jsv(to_string(action.effect))}};
  if (action.idempotent) object["idempotent"] = true;
  if (!action.justification.empty()) object["justification"] = action.justification;
  if (!action.provider_call_id.empty()) object["providerCallId"] = action.provider_call_id;
  if (!action.trace_parent.empty()) object["traceParent"] = action.trace_parent;
  return object;
}

Result<Action> action_from_json(const json::object& object) {
  Action action;
  REMIT_TRY(action.kind, parse_action_kind(get_string(object, "kind")));
  REMIT_TRY(action.effect, parse_effect(get_string(object, "effect")));
  action.channel = get_string(object, "channel");
  action.tool = get_string(object, "tool");
  action.resource = get_string(object, "resource");
  action.justification = get_string(object, "justification");
  action.provider_call_id = get_string(object, "providerCallId");
  action.trace_parent = get_string(object, "traceParent");
  action.idempotent = get_bool(object, "idempotent");
  if (const auto* args = find_object(object, "args")) action.args = *args;
  return action;
}

}  // namespace remit

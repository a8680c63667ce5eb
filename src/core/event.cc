#include "core/event.h"

#include "core/enum_names.h"

namespace remit {

static constexpr EnumNames<FileChange::Kind, 3> kKinds{"a kind of change", {"added", "modified", "deleted"}};

std::string_view to_string(FileChange::Kind kind) { return kKinds.name(kind); }

json::object to_json_object(const FileChange& change) {
  json::object object{{"path", change.path}, {"kind", jsv(to_string(change.kind))}, {"size", change.size}};
  if (!change.permitted) object["permitted"] = false, object["reason"] = change.reason;
  return object;
}

static Result<FileChange> file_change_from_json(const json::object& object) {
  FileChange change;
  change.path = get_string(object, "path");
  REMIT_TRY(change.kind, kKinds.parse(get_string(object, "kind")));
  change.size = get_int(object, "size");
  change.permitted = get_bool(object, "permitted", true);
  change.reason = get_string(object, "reason");
  return change;
}

static json::object to_json_object(const SandboxReport& report) {
  return {{"tier", report.tier},
          {"createUs", report.create_us},
          {"runUs", report.run_us},
          {"endedBy", report.ended_by},
          {"exitCode", report.exit_code}};
}

json::object to_json_object(const Outcome& outcome) {
  json::object object{{"ok", outcome.ok}};
  if (!outcome.text.empty()) object["text"] = outcome.text;
  if (outcome.error) {
    object["error"] = json::object{{"code", static_cast<std::int64_t>(outcome.error->code())},
                                   {"message", outcome.error->to_string()}};
  }
  if (!outcome.structured.empty()) object["structured"] = outcome.structured;
  if (outcome.response) object["response"] = to_json_object(*outcome.response);
  if (outcome.usage != Usage{}) object["usage"] = to_json_object(outcome.usage);
  if (!outcome.usage_known) object["usageKnown"] = false;
  if (outcome.sandbox) object["sandbox"] = to_json_object(*outcome.sandbox);
  if (!outcome.changes.empty()) {
    json::array changes;
    for (const auto& change : outcome.changes) changes.push_back(to_json_object(change));
    object["changes"] = std::move(changes);
  }
  if (outcome.truncated_bytes > 0) object["truncatedBytes"] = outcome.truncated_bytes;
  return object;
}

Result<Outcome> outcome_from_json(const json::object& object) {
  Outcome outcome;
  outcome.ok = get_bool(object, "ok");
  outcome.text = get_string(object, "text");
  if (const auto* error = find_object(object, "error")) {
    outcome.error = Error(static_cast<Code>(get_int(*error, "code")), std::string(get_string(*error, "message")));
  }
  if (const auto* structured = find_object(object, "structured")) outcome.structured = *structured;
  if (const auto* response = find_object(object, "response")) {
    REMIT_TRY(outcome.response, model_response_from_json(*response));
  }
  if (const auto* usage = find_object(object, "usage")) outcome.usage = usage_from_json(*usage);
  outcome.usage_known = get_bool(object, "usageKnown", true);
  if (const auto* sandbox = find_object(object, "sandbox")) {
    outcome.sandbox = SandboxReport{std::string(get_string(*sandbox, "tier")), get_int(*sandbox, "createUs"),
                                    get_int(*sandbox, "runUs"), std::string(get_string(*sandbox, "endedBy")),
                                    static_cast<int>(get_int(*sandbox, "exitCode"))};
  }
  if (const auto* changes = find_array(object, "changes")) {
    for (const auto& value : *changes) {
      if (!value.is_object()) return fail(invalid_argument("changes: expected objects"));
      REMIT_TRY(auto change, file_change_from_json(value.get_object()));
      outcome.changes.push_back(std::move(change));
    }
  }
  outcome.truncated_bytes = get_int(object, "truncatedBytes");
  return outcome;
}

}  // namespace remit

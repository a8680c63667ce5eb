#include "core/verdict.h"

#include "base/strings.h"
#include "core/enum_names.h"

namespace remit {

static constexpr EnumNames<Decision, 4> kDecisions{"a decision", {"Allow", "Deny", "Ask", "Unavailable"}};

std::string_view to_string(Decision decision) { return kDecisions.name(decision); }
Result<Decision> parse_decision(std::string_view text) { return kDecisions.parse(text); }

json::object to_json_object(const Verdict& verdict) {
  json::object object{{"decision", jsv(to_string(verdict.decision))}, {"layer", verdict.layer}};
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) object[key] = value;
  };
  put("rule", verdict.rule);
  put("reason", verdict.reason);
  put("source", verdict.source);
  put("suggestion", verdict.suggestion);
  put("approval", verdict.approval);
  if (verdict.audit_only) object["auditOnly"] = true;
  return object;
}

Result<Verdict> verdict_from_json(const json::object& object) {
  Verdict verdict;
  REMIT_TRY(verdict.decision, parse_decision(get_string(object, "decision")));
  verdict.layer = get_string(object, "layer");
  verdict.rule = get_string(object, "rule");
  verdict.reason = get_string(object, "reason");
  verdict.source = get_string(object, "source");
  verdict.suggestion = get_string(object, "suggestion");
  verdict.approval = get_string(object, "approval");
  verdict.audit_only = get_bool(object, "auditOnly");
  return verdict;
}

std::string explain_to_agent(const Verdict& verdict, std::string_view tool, std::string_view resource) {
  std::string_view how = "was denied";
  if (verdict.decision == Decision::kAsk) how = "needs approval and has not run";
  if (verdict.decision == Decision::kUnavailable) how = "could not be decided and has not run";
  std::string text(tool);
  if (!resource.empty()) text += " on " + printable(resource, 200);
  text += fmt::format(" {} by {}", how, verdict.layer);
  if (!verdict.rule.empty()) text += fmt::format(" (rule {})", verdict.rule);
  if (!verdict.reason.empty()) text += ": " + verdict.reason;
  if (verdict.decision == Decision::kAsk && !verdict.approval.empty()) {
    text += fmt::format(". Approval {} is pending; the same call, repeated unchanged after it is given, will run",
                        verdict.approval);
  }
  if (!verdict.suggestion.empty()) text += ". " + verdict.suggestion;
  return text;
}

}  // namespace remit

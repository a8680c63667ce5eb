#include "policy/explain.h"

#include "base/strings.h"

namespace remit::policy {

static std::string heading(const Action& action, const Verdict& verdict) {
  std::string out = fmt::format("{}  {}", to_string(verdict.decision), printable(action.tool, 80));
  if (!action.resource.empty()) out += "  " + printable(action.resource, 160);
  if (verdict.audit_only) out += "  (mode Audit: recorded, not held back)";
  return out + "\n";
}

static void line(std::string& out, std::string_view label, std::string_view text) {
  if (!text.empty()) out += fmt::format("  {:<8} {}\n", label, text);
}

static std::string describe(const Action& action, const Verdict& verdict) {
  std::string out = heading(action, verdict);
  line(out, "layer", verdict.layer);
  line(out, "rule", verdict.rule.empty() ? "none matched" : verdict.rule);
  line(out, "at", verdict.source);
  line(out, "reason", verdict.reason);
  line(out, "approval", verdict.approval);
  line(out, verdict.allows() ? "note" : "change", verdict.suggestion);
  return out;
}

std::string render(const Action& action, const Verdict& verdict) { return describe(action, verdict); }

std::string render(const Action& action, const Explanation& explanation) {
  std::string out = describe(action, explanation.verdict);
  if (explanation.considered.empty()) return out;
  out += "considered\n";
  for (const auto& rule : explanation.considered) {
    out += fmt::format("  {:<5} {:<16} {:<16} {}", rule.effect, printable(rule.name, 60), to_string(rule.result),
                       printable(rule.detail, 300));
    while (out.ends_with(' ')) out.pop_back();
    if (!rule.source.empty()) out += fmt::format("  ({})", rule.source);
    out += "\n";
  }
  return out;
}

json::object to_json_object(const Explanation& explanation) {
  json::array considered;
  for (const auto& rule : explanation.considered) {
    considered.push_back(json::object{{"name", rule.name},
                                      {"effect", rule.effect},
                                      {"source", rule.source},
                                      {"result", jsv(to_string(rule.result))},
                                      {"detail", rule.detail}});
  }
  return {{"verdict", remit::to_json_object(explanation.verdict)}, {"considered", std::move(considered)}};
}

}  // namespace remit::policy

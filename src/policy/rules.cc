#include "policy/rules.h"

namespace remit::policy {

std::string_view to_string(RuleEffect effect) {
  switch (effect) {
    case RuleEffect::kAllow: return "Allow";
    case RuleEffect::kAsk: return "Ask";
    case RuleEffect::kDeny: return "Deny";
  }
  return "Deny";
}

Result<RuleEffect> parse_rule_effect(std::string_view text) {
  for (const auto effect : {RuleEffect::kAllow, RuleEffect::kAsk, RuleEffect::kDeny}) {
    if (text == to_string(effect)) return effect;
  }
  return fail(Code::kInvalidArgument, fmt::format("the effect of a rule is Allow, Ask or Deny, not '{}'", text));
}

std::string_view to_string(Mode mode) { return mode == Mode::kAudit ? "Audit" : "Enforce"; }

Result<Mode> parse_mode(std::string_view text) {
  for (const auto mode : {Mode::kEnforce, Mode::kAudit}) {
    if (text == to_string(mode)) return mode;
  }
  return fail(Code::kInvalidArgument, fmt::format("the mode of permissions is Enforce or Audit, not '{}'", text));
}

}  // namespace remit::policy

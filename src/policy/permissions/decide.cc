#include <algorithm>

#include "base/strings.h"
#include "policy/permissions/compiled.h"
#include "policy/permissions/gates.h"

namespace remit::policy {
namespace {

json::object amounts(const Amounts& value) {
  return {{"costMicroUSD", value.cost.value}, {"tokens", value.tokens}, {"calls", value.calls}};
}

// The variables of conditions for one action; what costs something is made only when a condition reads it.
class Facts {
 public:
  Facts(const CompiledPermissions& permissions, const Action& action, const CallContext& context,
        const BudgetView* budget)
      : action_(action), budget_view_(budget), call_(static_cast<std::int64_t>(context.call)) {
    bindings_.bind("args", action.args);
    bindings_.bind_text("tool", action.tool);
    bindings_.bind_text("kind", to_string(action.kind));
    bindings_.bind_text("effect", to_string(action.effect));
    bindings_.bind_text("resource", action.resource);
    bindings_.bind_text("channel", action.channel);
    bindings_.bind("mission", permissions.spec.mission);
    bindings_.bind("call", call_);
  }
  Facts(const Facts&) = delete;
  Facts& operator=(const Facts&) = delete;

  const cel::Bindings& for_program(const cel::Program& program) {
    if (budget_view_ && !has_budget_ && program.reads("budget")) {
      budget_ = {{"limit", amounts(budget_view_->limit)},
                 {"spent", amounts(budget_view_->spent)},
                 {"reserved", amounts(budget_view_->reserved)}};
      bindings_.bind("budget", budget_);
      has_budget_ = true;
    }
    return bindings_;
  }
  const Action& action() const { return action_; }

 private:
  const Action& action_;
  const BudgetView* budget_view_;
  json::value call_;
  json::object budget_;
  bool has_budget_ = false;
  cel::Bindings bindings_;
};

enum class Match : std::uint8_t { kOtherTool, kYes, kNo, kFailed };

struct Matched {
  Match match = Match::kOtherTool;
  std::string trouble;  // Of kFailed.
};

Matched match_rule(const CompiledRule& rule, Facts& facts) {
  if (!rule.matches_tool(facts.action().tool)) return {};
  if (!rule.when) return {Match::kYes, ""};
  const auto held = rule.when->test(facts.for_program(*rule.when));
  if (!held) return {Match::kFailed, held.error().message()};
  return {*held ? Match::kYes : Match::kNo, ""};
}

Verdict by_rule(const CompiledRule& rule, Decision decision, std::string reason) {
  Verdict verdict;
  verdict.decision = decision;
  verdict.layer = kLayer, verdict.rule = rule.name, verdict.source = rule.source, verdict.reason = std::move(reason);
  return verdict;
}

std::string condition_of(const CompiledRule& rule) {
  return rule.when ? fmt::format(" when {}", printable(trim(rule.when->text()), 200)) : "";
}

Verdict failed_verdict(const CompiledRule& rule, const std::string& trouble) {
  auto verdict =
      by_rule(rule, Decision::kDeny,
              fmt::format("the condition of rule '{}' ({}) cannot be evaluated: {}; a condition that fails denies",
                          rule.name, to_string(rule.effect), trouble));
  verdict.suggestion = fmt::format("make the condition safe, as in has(args.x) && …, or pass what it reads: {}",
                                   printable(rule.when->text(), 200));
  return verdict;
}

Verdict deny_verdict(const CompiledRule& rule, const Action& action) {
  auto verdict =
      by_rule(rule, Decision::kDeny,
              fmt::format("rule '{}' denies {}{}", rule.name, printable(action.tool, 80), condition_of(rule)));
  verdict.suggestion =
      rule.when ? fmt::format("act so that this does not hold: {}", printable(rule.when->text(), 200))
                : fmt::format("remove {} from the tools of rule '{}'", printable(action.tool, 80), rule.name);
  return verdict;
}

std::string name_for_rule(std::string_view tool) {
  std::string out = printable(tool, 60);
  std::ranges::replace_if(
      out, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')); }, '-');
  return out;
}

// No Allow rule held: why the nearest did not, or that there is none.
Verdict no_rule_verdict(const CompiledPermissions& permissions, const Action& action, const CompiledRule* near,
                        const Matched& how, Facts& facts) {
  const auto tool = printable(action.tool, 80);
  auto verdict = Verdict::deny(std::string(kLayer), "", fmt::format("no rule of the mission allows {}", tool));
  verdict.source = permissions.spec.source;
  verdict.suggestion = fmt::format("add to permissions.rules: - {{name: {}, effect: Allow, tools: [\"{}\"]}}",
                                   name_for_rule(action.tool), tool);
  if (!near) return verdict;
  const auto why = how.match == Match::kFailed ? fmt::format("its condition cannot be evaluated: {}", how.trouble)
                                               : near->when->explain(facts.for_program(*near->when));
  verdict.reason = fmt::format("rule '{}' would allow {}, but {}", near->name, tool, why);
  verdict.source = near->source;
  verdict.suggestion = fmt::format("pass values for which rule '{}' holds ({}), or change its condition", near->name,
                                   printable(trim(near->when->text()), 200));
  return verdict;
}

class Decider {
 public:
  Decider(const CompiledPermissions& permissions, Facts& facts) : permissions_(permissions), facts_(facts) {}

  Decided run() {
    const Action& action = facts_.action();
    if (auto denied = check_paths(permissions_, action)) return {std::move(*denied), -1};
    if (auto decided = strongest(RuleEffect::kDeny)) return std::move(*decided);
    const Gate gate = gate_of(action);
    if (auto denied = check_gate(permissions_, action, gate)) return {std::move(*denied), -1};
    if (auto decided = strongest(RuleEffect::kAsk)) return std::move(*decided);
    return allow(gate);
  }

 private:
  // The first rule of this effect that holds or fails; both Deny and Ask deny when they fail.
  std::optional<Decided> strongest(RuleEffect effect) {
    for (std::size_t i = 0; i < permissions_.rules.size(); ++i) {
      const auto& rule = permissions_.rules[i];
      if (rule.effect != effect) continue;
      const auto how = match_rule(rule, facts_);
      const auto index = static_cast<std::ptrdiff_t>(i);
      if (how.match == Match::kFailed) return Decided{failed_verdict(rule, how.trouble), index};
      if (how.match != Match::kYes) continue;
      if (effect == RuleEffect::kDeny) return Decided{deny_verdict(rule, facts_.action()), index};
      return Decided{by_rule(rule, Decision::kAsk,
                             fmt::format("rule '{}' asks before {}{}", rule.name, printable(facts_.action().tool, 80),
                                         condition_of(rule))),
                     index};
    }
    return std::nullopt;
  }

  Decided allow(Gate gate) {
    const CompiledRule* near = nullptr;
    Matched how_near;
    for (std::size_t i = 0; i < permissions_.rules.size(); ++i) {
      const auto& rule = permissions_.rules[i];
      if (rule.effect != RuleEffect::kAllow) continue;
      auto how = match_rule(rule, facts_);
      if (how.match == Match::kYes) return {by_rule(rule, Decision::kAllow, ""), static_cast<std::ptrdiff_t>(i)};
      if (how.match != Match::kOtherTool && !near) near = &rule, how_near = std::move(how);
    }
    if (gate != Gate::kNone && gate != Gate::kEgress) return {allow_by_gate(permissions_, gate), -1};
    return {no_rule_verdict(permissions_, facts_.action(), near, how_near, facts_), -1};
  }

  const CompiledPermissions& permissions_;
  Facts& facts_;
};

}  // namespace

Decided decide_own(const CompiledPermissions& permissions, const Action& action, const CallContext& context,
                   const BudgetView* budget) {
  Facts facts(permissions, action, context, budget);
  auto decided = Decider(permissions, facts).run();
  if (permissions.spec.mode == Mode::kAudit && decided.verdict.decision != Decision::kAllow)
    decided.verdict.audit_only = true;
  return decided;
}

std::vector<Considered> consider(const CompiledPermissions& permissions, const Action& action,
                                 const CallContext& context, const BudgetView* budget, const Decided& decided) {
  Facts facts(permissions, action, context, budget);
  std::vector<Considered> out;
  for (std::size_t i = 0; i < permissions.rules.size(); ++i) {
    const auto& rule = permissions.rules[i];
    auto how = match_rule(rule, facts);
    Considered considered{rule.name, std::string(to_string(rule.effect)), rule.source, Considered::Result::kOtherTool,
                          ""};
    if (how.match == Match::kNo)
      considered.result = Considered::Result::kConditionFalse,
      considered.detail = rule.when->explain(facts.for_program(*rule.when));
    if (how.match == Match::kFailed)
      considered.result = Considered::Result::kConditionFailed, considered.detail = std::move(how.trouble);
    if (how.match == Match::kYes) considered.result = Considered::Result::kOverruled;
    if (static_cast<std::ptrdiff_t>(i) == decided.rule) considered.result = Considered::Result::kDecided;
    if (how.match == Match::kOtherTool) {
      std::vector<std::string> tools;
      for (const auto& glob : rule.tools) tools.push_back(glob.text());
      considered.detail = join(tools, ", ");
    }
    out.push_back(std::move(considered));
  }
  if (decided.rule < 0 && !decided.verdict.rule.empty()) {
    out.push_back(
        {decided.verdict.rule, "field", decided.verdict.source, Considered::Result::kDecided, decided.verdict.reason});
  }
  return out;
}

}  // namespace remit::policy

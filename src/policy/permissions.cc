#include "policy/permissions.h"

#include <algorithm>

#include "policy/permissions/compiled.h"
#include "policy/permissions/gates.h"

namespace remit::policy {

std::string_view to_string(Considered::Result result) {
  switch (result) {
    case Considered::Result::kDecided: return "decided";
    case Considered::Result::kOtherTool: return "other tool";
    case Considered::Result::kConditionFalse: return "condition false";
    case Considered::Result::kConditionFailed: return "condition failed";
    case Considered::Result::kOverruled: return "overruled";
  }
  return "other tool";
}

Permissions::Permissions(std::unique_ptr<const CompiledPermissions> compiled, std::shared_ptr<const Permissions> parent,
                         std::vector<std::string> warnings)
    : compiled_(std::move(compiled)), parent_(std::move(parent)), warnings_(std::move(warnings)) {}
Permissions::~Permissions() = default;

Result<std::shared_ptr<const Permissions>> Permissions::compile(PermissionsSpec spec,
                                                                std::shared_ptr<const Permissions> parent) {
  std::size_t depth = 0;
  for (const Permissions* above = parent.get(); above; above = above->parent_.get()) {
    if (++depth > kAncestors)
      return fail(Code::kResourceExhausted,
                  fmt::format("a mission has more than {} missions above it (kAncestors)", kAncestors));
  }
  std::vector<std::string> warnings;
  REMIT_TRY(auto compiled, CompiledPermissions::compile(std::move(spec), warnings));
  auto owned = std::make_unique<const CompiledPermissions>(std::move(compiled));
  return std::shared_ptr<const Permissions>(new Permissions(std::move(owned), std::move(parent), std::move(warnings)));
}

// How much a verdict holds back; the strongest of a mission and those above it counts.
static int force(const Verdict& verdict) {
  if (verdict.audit_only) return 1;
  switch (verdict.decision) {
    case Decision::kAllow: return 0;
    case Decision::kAsk: return 2;
    case Decision::kUnavailable: return 3;
    case Decision::kDeny: return 4;
  }
  return 4;
}

static Verdict strongest(Verdict own, Verdict above) {
  if (force(above) <= force(own)) return own;
  above.reason = "the mission above decides: " + above.reason;
  return above;
}

Verdict Permissions::decide(const Action& action, const CallContext& context, const BudgetView* budget) const {
  auto own = decide_own(*compiled_, action, context, budget).verdict;
  return parent_ ? strongest(std::move(own), parent_->decide(action, context, budget)) : own;
}

Explanation Permissions::explain(const Action& action, const CallContext& context, const BudgetView* budget) const {
  const auto decided = decide_own(*compiled_, action, context, budget);
  Explanation out{decided.verdict, consider(*compiled_, action, context, budget, decided)};
  if (!parent_) return out;
  auto above = parent_->explain(action, context, budget);
  out.verdict = strongest(std::move(out.verdict), std::move(above.verdict));
  for (auto& considered : above.considered) {
    considered.name += " (of the mission above)";
    out.considered.push_back(std::move(considered));
  }
  return out;
}

Mode Permissions::mode() const { return compiled_->spec.mode; }

bool Permissions::may_allow(std::string_view tool) const {
  const auto& rules = compiled_->rules;
  const auto any = [&](auto wanted) {
    return std::ranges::any_of(rules,
                               [&](const CompiledRule& rule) { return wanted(rule) && rule.matches_tool(tool); });
  };
  if (compiled_->spec.mode == Mode::kEnforce) {
    if (any([](const CompiledRule& rule) { return rule.effect == RuleEffect::kDeny && !rule.when; })) return false;
    if (!any([](const CompiledRule& rule) { return rule.effect != RuleEffect::kDeny; })) return false;
    if (tool == kHttpTool && compiled_->egress.empty()) return false;
  }
  return !parent_ || parent_->may_allow(tool);
}

PermissionStage::PermissionStage(std::shared_ptr<const Permissions> permissions, BudgetSource budget)
    : permissions_(std::move(permissions)), budget_(std::move(budget)) {}

// The pipeline keeps the action, the context and the verdict alive until decide() has answered.
Task<Verdict> PermissionStage::decide(const Action& action, const CallContext& context, const Verdict&) {
  if (!budget_) co_return permissions_->decide(action, context, nullptr);
  const BudgetView view = budget_();
  co_return permissions_->decide(action, context, &view);
}

}  // namespace remit::policy

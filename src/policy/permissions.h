// The first safeguard: rules of the mission. Deny before Ask before Allow; no rule: denied; a condition that fails to
// evaluate denies.
//
// Besides the rules: `http.request` must also match an egress rule; `model.call` needs a model of the mission and
// `workspace.write` a write glob (both need no Allow rule, for the mission's own fields permit them, nor does
// `agent.run`, the program that spec.agent names; Deny and Ask rules count); no action may name a hidden or an
// unnormalised path. Conditions read: tool, kind, effect, resource, channel, args, mission, budget {limit, spent,
// reserved: {costMicroUSD, tokens, calls}}, call.
//
// Permissions are immutable once compiled and may be shared between threads; a decision parses nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/action.h"
#include "core/call_context.h"
#include "core/ledger.h"
#include "core/stage.h"
#include "core/verdict.h"
#include "policy/rules.h"

namespace remit::policy {

// What happened to one rule while an action was decided.
struct Considered {
  enum class Result : std::uint8_t {
    kDecided,    // This rule made the verdict.
    kOtherTool,  // None of its globs matches the tool.
    kConditionFalse,
    kConditionFailed,
    kOverruled,  // It matched, but a rule with more force decided.
  };
  std::string name;
  std::string effect;  // "Allow", "Ask", "Deny", or "field": workspace, model or egress decided, and `name` says which.
  std::string source;
  Result result = Result::kOtherTool;
  std::string detail;  // "args.timeout_s <= 60 is false (args.timeout_s = 120)".
};
std::string_view to_string(Considered::Result result);  // "decided", "other tool", "condition false" …

struct Explanation {
  Verdict verdict;
  std::vector<Considered> considered;  // In the order of the mission.
};

class CompiledPermissions;  // Private.

class Permissions {
 public:
  // Fails on the first rule that is not sound, with its source. `parent`: the permissions of the mission above; both
  // must allow.
  static Result<std::shared_ptr<const Permissions>> compile(PermissionsSpec spec,
                                                            std::shared_ptr<const Permissions> parent = nullptr);
  ~Permissions();

  // `budget` may be null: then a condition that reads `budget` fails to evaluate, and denies.
  Verdict decide(const Action& action, const CallContext& context, const BudgetView* budget) const;
  // The same verdict with every rule considered; slower, for people.
  Explanation explain(const Action& action, const CallContext& context, const BudgetView* budget) const;

  Mode mode() const;
  // Conditions that can never hold, tools that no glob reaches …: for `validate`.
  const std::vector<std::string>& warnings() const { return warnings_; }
  // True when any action of this tool could be allowed or asked: for the list of tools that an agent is shown.
  bool may_allow(std::string_view tool) const;

 private:
  Permissions(std::unique_ptr<const CompiledPermissions> compiled, std::shared_ptr<const Permissions> parent,
              std::vector<std::string> warnings);
  std::unique_ptr<const CompiledPermissions> compiled_;
  std::shared_ptr<const Permissions> parent_;
  std::vector<std::string> warnings_;
};

// The stage "permissions". One shard's thread.
class PermissionStage final : public Stage {
 public:
  using BudgetSource = std::function<BudgetView()>;
  explicit PermissionStage(std::shared_ptr<const Permissions> permissions, BudgetSource budget = nullptr);
  std::string_view name() const override { return "permissions"; }
  Task<Verdict> decide(const Action& action, const CallContext& context, const Verdict& so_far) override;

 private:
  std::shared_ptr<const Permissions> permissions_;
  BudgetSource budget_;
};

}  // namespace remit::policy

// Rules made ready to decide with: globs and conditions parsed, hosts checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/cel.h"
#include "policy/glob.h"
#include "policy/host.h"
#include "policy/permissions.h"
#include "policy/rules.h"

namespace remit::policy {

struct CompiledRule {
  std::string name;
  RuleEffect effect = RuleEffect::kDeny;
  std::vector<ToolGlob> tools;
  std::optional<cel::Program> when;
  std::string source;

  bool matches_tool(std::string_view tool) const;
};

struct CompiledEgress {
  std::string name;
  HostPattern host;
  std::uint16_t port = 443;
  std::string source;
  std::string to_string() const { return host.to_string() + ":" + std::to_string(port); }
};

struct CompiledModel {
  ToolGlob provider;
  ToolGlob name;
  std::string source;
};

struct HideGlob {
  std::string pattern;  // As the mission has it.
  PathGlob glob;
};

class CompiledPermissions {
 public:
  static Result<CompiledPermissions> compile(PermissionsSpec spec, std::vector<std::string>& warnings);

  PermissionsSpec spec;  // As it was given; messages quote it.
  std::vector<CompiledRule> rules;
  std::vector<CompiledEgress> egress;
  std::vector<CompiledModel> models;
  std::vector<PathGlob> write;
  std::vector<HideGlob> hide;
};

inline constexpr std::string_view kHttpTool = "http.request";
// The program of a command agent; spec.agent names it.
inline constexpr std::string_view kAgentTool = "agent.run";
inline constexpr std::string_view kLayer = "permissions";

// The verdict of one mission's own permissions, and which of its rules made it (-1: none).
struct Decided {
  Verdict verdict;
  std::ptrdiff_t rule = -1;
};
Decided decide_own(const CompiledPermissions& permissions, const Action& action, const CallContext& context,
                   const BudgetView* budget);
std::vector<Considered> consider(const CompiledPermissions& permissions, const Action& action,
                                 const CallContext& context, const BudgetView* budget, const Decided& decided);

}  // namespace remit::policy

// Mission: what an agent is sent to do, with what, and within which bounds. Plain values; an absent limit is an empty
// optional. What each field means and may hold stands once, in schema/mission_fields.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/call_context.h"
#include "core/money.h"
#include "resource/meta.h"
#include "resource/quantity.h"

namespace remit::resource {

enum class AgentType : std::uint8_t { kBuiltin, kCommand, kContainer };
enum class WorkspaceType : std::uint8_t { kDirectory };
enum class OnExhausted : std::uint8_t { kReturnPartial, kPause, kKill };
enum class PermissionMode : std::uint8_t { kEnforce, kAudit };
enum class RuleEffect : std::uint8_t { kAllow, kDeny, kAsk };
enum class Tier : std::uint8_t { kProcess, kGVisor, kMicroVm };  // Weakest first: compare with <.
enum class LimitsMode : std::uint8_t { kEnforced, kBestEffort };
enum class DesiredState : std::uint8_t { kRunning, kPaused, kStopped };
enum class Phase : std::uint8_t {
  kPending,
  kPreparing,
  kRunning,
  kWaitingForApproval,
  kPaused,
  kChecking,
  kSucceeded,
  kFailed,
  kStopped,
};

struct ExecAction {
  std::vector<std::string> command;
  friend bool operator==(const ExecAction&, const ExecAction&) = default;
};

struct Check {
  std::string name;
  ExecAction exec;
  Duration timeout = std::chrono::minutes(1);
  friend bool operator==(const Check&, const Check&) = default;
};

struct CommandAgent {
  std::vector<std::string> argv;
  friend bool operator==(const CommandAgent&, const CommandAgent&) = default;
};

struct ContainerAgent {
  std::string image;
  std::vector<std::string> argv;  // Empty: the image's own.
  friend bool operator==(const ContainerAgent&, const ContainerAgent&) = default;
};

struct Agent {
  AgentType type = AgentType::kBuiltin;
  std::optional<CommandAgent> command;
  std::optional<ContainerAgent> container;
  friend bool operator==(const Agent&, const Agent&) = default;
};

struct MissionModel {
  NameRef provider_ref{"default"};
  std::string name;                    // "": the agent names the model itself; the built-in agent needs one.
  std::int64_t max_output_tokens = 0;  // 0: the provider's default.
  friend bool operator==(const MissionModel&, const MissionModel&) = default;
};

struct WorkspaceDirectory {
  std::string path = ".";  // Relative to the manifest's folder, or absolute.
  friend bool operator==(const WorkspaceDirectory&, const WorkspaceDirectory&) = default;
};

struct Workspace {
  WorkspaceType type = WorkspaceType::kDirectory;
  std::optional<WorkspaceDirectory> directory;  // Always set in an object that was validated.
  std::vector<std::string> write;               // Globs relative to the workspace; empty: nothing may be changed.
  std::vector<std::string> hide;
  friend bool operator==(const Workspace&, const Workspace&) = default;
};

// Of a Mission, a Budget or a MissionClass. An absent member: no limit of that kind.
struct BudgetLimits {
  std::optional<MicroUsd> cost_usd;
  std::optional<std::int64_t> tokens;
  std::optional<std::int64_t> tool_calls;
  std::optional<Duration> active_duration;
  friend bool operator==(const BudgetLimits&, const BudgetLimits&) = default;
};

struct MissionBudget {
  BudgetLimits limits;  // Its members stand directly in `budget` on the wire.
  OnExhausted on_exhausted = OnExhausted::kReturnPartial;
  std::optional<NameRef> budget_ref;  // The Budget that pays; absent: the one named "default", when there is one.
  friend bool operator==(const MissionBudget&, const MissionBudget&) = default;
};

struct Rule {
  std::string name;
  RuleEffect effect = RuleEffect::kDeny;
  std::vector<std::string> tools;  // Globs over tool names.
  std::string when;                // CEL; "": always.
  friend bool operator==(const Rule&, const Rule&) = default;
};

struct EgressRule {
  std::string name;
  std::string host;  // "api.example.com", "*.example.com" or an IP address.
  std::int64_t port = 443;
  friend bool operator==(const EgressRule&, const EgressRule&) = default;
};

struct Permissions {
  PermissionMode mode = PermissionMode::kEnforce;
  std::vector<Rule> rules;
  std::vector<EgressRule> egress;
  friend bool operator==(const Permissions&, const Permissions&) = default;
};

// The bounds hold for each sandbox.
struct Isolation {
  Tier minimum_tier = Tier::kGVisor;
  LimitsMode limits = LimitsMode::kEnforced;
  ByteSize memory{512 << 20};
  CpuAmount cpu{1000};
  std::int64_t pids = 128;
  ByteSize disk{1 << 30};
  Duration timeout = std::chrono::minutes(5);  // The longest that one sandboxed command may run.
  friend bool operator==(const Isolation&, const Isolation&) = default;
};

struct MissionSpec {
  std::string goal;
  std::vector<Check> checks;
  Agent agent;
  MissionModel model;
  Workspace workspace;
  MissionBudget budget;
  Permissions permissions;
  Isolation isolation;
  Importance importance = Importance::kNormal;
  DesiredState desired_state = DesiredState::kRunning;
  std::vector<NameRef> tool_server_refs;  // Besides the built-in tools.
  std::optional<NameRef> parent_ref;      // The mission that this one is a child of.
  std::optional<NameRef> class_ref;       // MissionClass
  friend bool operator==(const MissionSpec&, const MissionSpec&) = default;
};

struct TokenCounts {
  std::int64_t input = 0, cached_input = 0, output = 0, reasoning = 0;
  friend bool operator==(const TokenCounts&, const TokenCounts&) = default;
};

struct VerdictCounts {
  std::int64_t allow = 0, deny = 0, ask = 0, unavailable = 0;
  friend bool operator==(const VerdictCounts&, const VerdictCounts&) = default;
};

struct ChangeCounts {
  std::int64_t added = 0, modified = 0, deleted = 0;
  friend bool operator==(const ChangeCounts&, const ChangeCounts&) = default;
};

struct MissionStatus {
  Phase phase = Phase::kPending;
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  std::string run_id;    // ULID
  std::string trace_id;  // 32 hex digits
  std::optional<bool> goal_met;
  std::int64_t cost_micro_usd = 0;
  TokenCounts tokens;
  std::int64_t calls = 0;
  VerdictCounts verdicts;
  ChangeCounts changes;
  Duration active_duration{0};
  std::string started_at, finished_at;  // RFC 3339
  friend bool operator==(const MissionStatus&, const MissionStatus&) = default;
};

struct Mission {
  static constexpr std::string_view kKind = "Mission";
  ObjectMeta metadata;
  MissionSpec spec;
  MissionStatus status;
  friend bool operator==(const Mission&, const Mission&) = default;
};

// A run is under way: goal and what belongs to it are fixed, budgets can only be raised.
bool is_active(Phase phase);
bool is_finished(Phase phase);  // Succeeded, Failed or Stopped.

}  // namespace remit::resource

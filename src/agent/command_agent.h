// CommandAgent: a program of the user's as the agent. It runs in one Process sandbox on the workspace for its whole
// life; its only way out is the bridge, each connection of which is handed to the run's front doors. What it changed
// becomes file actions when it ends, as with shell.run.
//
// The program is itself an action, "agent.run" (channel "runtime"): judged, recorded, settled. What comes in by the
// doors is nested in it. Order for crash safety: program ends → doors closed → paths judged → Executed is durable →
// merge → Settled. A run that a crash interrupted before Executed starts the program again on the run's files; the
// layer of the interrupted one is dropped.
//
// One shard's thread. It outlives the pipeline's calls, and the log.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "action/pipeline.h"
#include "agent/driver.h"
#include "agent/output_lines.h"
#include "base/unique_fd.h"
#include "core/event_channel.h"
#include "core/stage.h"
#include "sandbox/launcher.h"
#include "sandbox/workspace.h"

namespace remit::agent {

inline constexpr std::string_view kAgentTool = "agent.run";
inline constexpr std::uint16_t kBridgePort = 4141;  // The doors inside the sandbox; nothing else listens there.
inline constexpr std::size_t kAgentOutputBytes = 32u << 20;   // Of each stream; the rest is drained and counted.
inline constexpr std::uint64_t kAgentHomeBytes = 256u << 20;  // HOME, in memory.
inline constexpr std::uint64_t kAgentTmpBytes = 256u << 20;   // /tmp, in memory.
inline constexpr std::chrono::hours kAgentWallTime{24 * 30};  // activeDuration and stop end it long before.
inline constexpr std::chrono::seconds kAgentGrace{5};         // Between SIGTERM and the kill: time to save its work.
inline constexpr std::chrono::seconds kWindDown{
    30};  // What an agent has to finish by itself after its budget is used up.
inline constexpr std::chrono::milliseconds kDoorsGrace{200};  // For answers under way when the program has ended.

// The front doors of one start of the program.
class Doors {
 public:
  virtual ~Doors() = default;
  virtual Result<> serve(UniqueFd connection) = 0;
  // When it returns, no call that came in here is under way.
  virtual Task<> close() = 0;
};

inline constexpr std::size_t kAgentCalls = 256;  // What one agent may have under way, waiting or being judged at once.

// What a budget that is used up means for a program that cannot be asked for a last turn.
enum class OnBudget : std::uint8_t {
  kWindDown,  // Releases the reserve, and ends it kWindDown after that is used up too.
  kWait,      // Calls wait until the budget is raised (see CommandAgentStage); nothing ends.
  kEnd,       // Ends it.
};

struct CommandAgentParts {
  asio::any_io_executor executor;
  asio::thread_pool& file_pool;
  Clock& clock;
  action::Pipeline& pipeline;
  action::RunLog& log;
  sandbox::Workspace& workspace;
  sandbox::Launcher& launcher;
  sandbox::Limits limits;
  Host& host;
  CallContext context;  // Run and importance; call number 0.
  std::vector<std::string> argv;
  std::string goal;
  // Makes the doors for one start of the program: its calls are nested in `call`, and `key` opens them.
  std::function<std::unique_ptr<Doors>(const CallContext& call, const std::string& key)> open_doors;
  std::function<std::string()> make_key;
  OnBudget on_budget = OnBudget::kEnd;
  std::function<std::string()> budget_exhausted;  // Why the budget is used up; "" while it is not.
  std::function<void()> release_return_reserve;   // For kWindDown.
};

class CommandAgent final : public Driver, public Executor {
 public:
  explicit CommandAgent(CommandAgentParts parts);

  // The program is at work: between its start and its end.
  bool running() const { return life_ != nullptr; }
  // To be given every new record of the log: notices refusals for want of budget.
  void observe(const RunRecord& record);

  // Driver
  void restore(const RunRecord& record) override;
  Task<AgentEnd> work() override;
  // Executor of kAgentTool
  std::unique_ptr<Call> start(Permit&& permit, CallContext context) override;

 private:
  struct Life;
  Task<Outcome> run(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink);
  Task<sandbox::ExitReport> live(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink);
  static Task<> accept_connections(std::shared_ptr<Life> life);
  Task<> read_output(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink);
  sandbox::Spec spec_of(const Life& life) const;
  Outcome outcome_of(const Life& life, const sandbox::ExitReport& report, std::optional<CancelReason> cancelled) const;
  void budget_refused();
  Task<> wind_down(std::weak_ptr<Life> watched);
  AgentEnd end_of(const Outcome& outcome) const;

  CommandAgentParts parts_;
  std::set<std::uint64_t> past_calls_;       // Starts of the program that the log tells of.
  std::optional<Outcome> restored_outcome_;  // Of the last of them, when it had ended.
  std::shared_ptr<Life> life_;               // While the program runs.
  bool reserve_released_ = false;
};

// The action that stands for the program.
Action agent_action(const std::vector<std::string>& argv);

// Stands before the permissions of a run whose agent is a command: holds what the agent asks for while the run is
// paused, and refuses model calls of a run without a model.
class CommandAgentStage final : public Stage {
 public:
  struct Parts {
    std::function<Task<bool>()> hold;         // Waits while the agent's calls have to; false when the run was stopped.
    std::function<std::size_t()> open_calls;  // Of the run, the agent's own among them.
    std::string no_model;                     // Why there is no model; "" when there is one.
  };
  explicit CommandAgentStage(Parts parts) : parts_(std::move(parts)) {}
  std::string_view name() const override { return "agent"; }
  Task<Verdict> decide(const Action& action, const CallContext& context, const Verdict& so_far) override;

 private:
  Parts parts_;
  std::size_t held_ = 0;
};

}  // namespace remit::agent

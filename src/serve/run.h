// Run: one attempt at one generation of a mission: everything it is made of, and its course from Preparing to its end.
// Lives on the shard of its mission. Its log is the truth; what is here is rebuilt from it by resume().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>

#include "action/pipeline.h"
#include "action/store_run_log.h"
#include "agent/builtin_agent.h"
#include "agent/checks.h"
#include "agent/command_agent.h"
#include "http/client.h"
#include "ledger/leaf.h"
#include "ledger/loop_detector.h"
#include "mesh/catalogue.h"
#include "mesh/http_executor.h"
#include "models/model_executor.h"
#include "models/recorded_provider.h"
#include "models/recorder.h"
#include "policy/approvals.h"
#include "policy/permissions.h"
#include "resource/mission.h"
#include "sandbox/files_executor.h"
#include "sandbox/shell_executor.h"
#include "sandbox/workspace.h"
#include "serve/run_view.h"
#include "serve/runtime.h"

namespace remit::serve {

struct RunOptions {
  policy::OnAsk on_ask = policy::OnAsk::kWait;
  bool live = false;       // A real model from the environment instead of the mission's provider.
  std::string record_to;   // With live: writes a recording there.
  std::optional<Ulid> id;  // Of a new run; a fresh one when absent.
  bool refresh_recording =
      false;  // Rewrites the request parts of the mission's recording from what the run really asks.
};

// Set on a Mission that a process other than the daemon drives: its pid.
inline constexpr const char* kDriverAnnotation = "remit.dev/driver";
// Id of the run that the daemon shall drive: written by whoever wants a run, or by the daemon before it begins one.
inline constexpr const char* kRunAnnotation = "remit.dev/run";

inline constexpr std::size_t kMissionDepth = 8;                   // How deep missions may be children of missions.
inline constexpr Duration kWatchRetry = std::chrono::seconds(1);  // After a watch that could not be opened.
inline constexpr Duration kTimeNap =
    std::chrono::milliseconds(200);  // How late the end of the active time may be noticed.

class Run final : public agent::Host {
 public:
  using Observer = std::function<void(const RunRecord&)>;

  // Prepares a new run of `mission`, an object of the store. On failure nothing of it is left.
  static Task<Result<std::unique_ptr<Run>>> begin(Runtime& runtime, resource::Object mission, RunOptions options,
                                                  Observer observer);
  // Takes up a run whose process died: replays its log, rolls half-merged file changes forward, settles what was under
  // way.
  static Task<Result<std::unique_ptr<Run>>> resume(Runtime& runtime, Ulid id, RunOptions options, Observer observer);
  ~Run() override;

  // From Running to the end. The Run stays readable afterwards.
  Task<> execute();

  Ulid id() const { return id_; }
  const RunView& view() const { return view_; }
  // After execute(): why the log does not hold the run's end (disk full); the run is then to be resumed, not over.
  const std::optional<Error>& failure() const { return failure_; }
  const resource::Mission& mission() const { return mission_; }
  // Asks the run to end; it does so as soon as its calls have stopped. Same thread.
  void stop(std::string reason);

  // agent::Host
  Task<bool> proceed() override;
  Task<bool> wait_for_approval(std::string approval) override;
  void note(std::string message) override;

 private:
  struct Permitted;
  Run(Runtime& runtime, Ulid id, RunOptions options);

  Task<Result<>> prepare(resource::Object mission, Observer observer, std::vector<RunRecord> past);
  Result<> open_log(Observer observer, const std::vector<RunRecord>& past);
  Result<> open_workspace();
  Task<Result<>> find_ancestors();
  Result<std::shared_ptr<const policy::Permissions>> compile_permissions() const;
  Task<Result<std::string>> budget_account();
  Task<Result<>> open_accounts();
  Result<> raise_account(const Amounts& limit);
  Task<> publish_budget();
  Result<> open_ledger();
  Task<Result<>> open_models();
  Task<Result<std::optional<models::ProviderConfig>>> choose_provider();
  Result<std::unique_ptr<models::Provider>> make_recorded(const models::ProviderConfig& config);
  Result<std::unique_ptr<models::Provider>> make_live(models::ProviderConfig config);
  Result<> open_policy();
  void open_pipeline();
  Result<> open_agent(const std::vector<RunRecord>& past);
  void open_builtin_agent();
  void open_command_agent();
  std::unique_ptr<agent::Doors> open_doors(const CallContext& call, const std::string& key);
  Task<Result<>> record_beginning(bool resumed);
  Task<Result<>> settle_interrupted(std::vector<RunRecord> past);

  Result<> take_up_leases();
  Task<> take_up_object();
  Task<> watch_mission();
  Task<> watch_approvals();
  Task<bool> is_answered(std::string approval);
  Task<> watch_active_time();
  Task<> watch_pause();
  bool is_command() const;
  Task<bool> hold_command();
  void apply_desired(const resource::Mission& mission);
  Task<agent::AgentEnd> drive_agent();
  Task<bool> wait_for_more_budget(std::string reason);
  Task<> finish(agent::AgentEnd end);
  void set_phase(std::string phase, std::string reason, std::string message = "");
  Task<> publish_status();
  void take_limits(const resource::Mission& mission);
  void settle_account();
  void wake();
  // Returns when wake() was called since wakes_ was `seen`; so that nothing that happens during another wait is missed.
  Task<> wait_wake(std::uint64_t seen);

  Runtime& runtime_;
  const Ulid id_;
  const RunOptions options_;
  std::optional<store::LockFile> lock_;
  resource::Object object_;
  resource::Mission mission_;
  resource::SourceMap source_;
  std::string base_folder_;
  bool recorded_ = false;

  struct Ancestor {
    resource::Mission mission;
    resource::SourceMap source;
  };
  std::vector<Ancestor> ancestors_;  // The nearest first.
  std::string account_, budget_account_;
  std::string budget_name_;  // Of the Budget that pays; "" when the namespace has none.

  RunView view_;
  std::unique_ptr<action::StoreRunLog> log_;
  std::optional<sandbox::Workspace> workspace_;
  sandbox::Launcher* launcher_ = nullptr;
  std::optional<agent::Checks> checks_;
  ledger::PriceTable prices_ = ledger::PriceTable::built_in();
  std::unique_ptr<ledger::Leaf> leaf_;
  ledger::LoopDetector loops_;
  std::string dialect_;
  std::unique_ptr<http::Client> model_client_;
  std::unique_ptr<models::ModelExecutor> models_;
  models::RecordedProvider* refreshed_ = nullptr;
  models::Recorder* recorder_ = nullptr;
  std::shared_ptr<const policy::Permissions> permissions_;
  std::unique_ptr<policy::PermissionStage> permission_stage_;
  std::unique_ptr<policy::ApprovalBook> approvals_;
  std::unique_ptr<policy::ApprovalStage> approval_stage_;
  std::unique_ptr<agent::CommandAgentStage> command_stage_;
  std::string no_model_;  // Why this run has no model; "" when it has one.
  std::optional<mesh::Catalogue> catalogue_;
  std::unique_ptr<sandbox::FilesExecutor> files_;
  std::unique_ptr<sandbox::ShellExecutor> shell_;
  std::unique_ptr<mesh::HttpExecutor> http_;
  action::ExecutorTable executors_;
  std::unique_ptr<action::Pipeline> pipeline_;
  std::unique_ptr<agent::Driver> agent_;
  agent::CommandAgent* command_ = nullptr;  // agent_, when it is one.

  resource::DesiredState desired_ = resource::DesiredState::kRunning;
  std::string stop_reason_;
  bool ended_ = false;
  std::optional<Error> failure_;
  std::optional<ledger::BudgetLimits> refused_limits_;  // Of the mission's object; noted once.
  asio::steady_timer changed_;
  std::uint64_t wakes_ = 0;
  std::unique_ptr<resource::Watch> mission_watch_, approval_watch_;
  bool watches_approvals_ = false;
  asio::cancellation_signal end_naps_;
  std::size_t background_ = 0;  // Coroutines of ours that still run.
};

}  // namespace remit::serve

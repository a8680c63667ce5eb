// How the agent of a run is put together, and what only a command as the agent needs: doors, holding its calls,
// noticing a pause.
#include <boost/asio/as_tuple.hpp>

#include "gateway/guard.h"
#include "serve/gateway_doors.h"
#include "serve/run.h"

namespace remit::serve {

namespace {

agent::LoopWatch loop_watch(ledger::LoopDetector& detector) {
  return {[&detector](const std::string& action, const std::string& observation) {
    switch (detector.observe(action, observation)) {
      case ledger::LoopSignal::kNone: return agent::LoopWatch::Signal::kNone;
      case ledger::LoopSignal::kNudge: return agent::LoopWatch::Signal::kNudge;
      case ledger::LoopSignal::kEscalate: return agent::LoopWatch::Signal::kEscalate;
    }
    return agent::LoopWatch::Signal::kNone;
  }};
}

agent::OnBudget on_budget_of(resource::OnExhausted policy) {
  switch (policy) {
    case resource::OnExhausted::kReturnPartial: return agent::OnBudget::kWindDown;
    case resource::OnExhausted::kPause: return agent::OnBudget::kWait;
    case resource::OnExhausted::kKill: return agent::OnBudget::kEnd;
  }
  return agent::OnBudget::kEnd;
}

}  // namespace

bool Run::is_command() const { return mission_.spec.agent.type == resource::AgentType::kCommand; }

Result<> Run::open_agent(const std::vector<RunRecord>& past) {
  switch (mission_.spec.agent.type) {
    case resource::AgentType::kBuiltin: open_builtin_agent(); break;
    case resource::AgentType::kCommand: open_command_agent(); break;
    case resource::AgentType::kContainer:
      return fail(Code::kFailedPrecondition,
                  "an agent of type Container needs a container runtime, which this host does not offer to Remit; use "
                  "type Command");
  }
  for (const auto& record : past) agent_->restore(record);
  return {};
}

void Run::open_builtin_agent() {
  agent::BuiltinAgentParts parts{
      .pipeline = *pipeline_, .catalogue = *catalogue_, .host = *this, .loop_watch = loop_watch(loops_)};
  parts.context.run = id_;
  parts.context.importance = mission_.spec.importance;
  parts.provider = mission_.spec.model.provider_ref.name;
  parts.model = mission_.spec.model.name;
  parts.max_output_tokens = mission_.spec.model.max_output_tokens;
  parts.goal = mission_.spec.goal;
  parts.briefing = briefing_of(mission_.spec);
  parts.may_allow = [this](std::string_view tool) { return permissions_->may_allow(tool); };
  parts.budget_exhausted = [this] { return leaf_->exhausted() ? leaf_->exhausted_reason() : std::string(); };
  if (mission_.spec.budget.on_exhausted == resource::OnExhausted::kReturnPartial) {
    parts.release_return_reserve = [this] { leaf_->release_return_reserve(); };
  }
  agent_ = std::make_unique<agent::BuiltinAgent>(std::move(parts));
}

std::unique_ptr<agent::Doors> Run::open_doors(const CallContext& call, const std::string& key) {
  gateway::GatewayParts parts{.executor = runtime_.executor(),
                              .pipeline = *pipeline_,
                              .catalogue = *catalogue_,
                              .clock = runtime_.clock(),
                              .rng = runtime_.rng(),
                              .key = key,
                              .context = call};
  parts.provider = mission_.spec.model.provider_ref.name;
  if (!mission_.spec.model.name.empty()) parts.models.push_back(mission_.spec.model.name);
  parts.may_allow = [this](std::string_view tool) { return permissions_->may_allow(tool); };
  parts.instructions = mission_.spec.goal + "\n" + briefing_of(mission_.spec);
  return std::make_unique<GatewayDoors>(std::move(parts));
}

void Run::open_command_agent() {
  agent::CommandAgentParts parts{.executor = runtime_.executor(),
                                 .file_pool = runtime_.file_pool(),
                                 .clock = runtime_.clock(),
                                 .pipeline = *pipeline_,
                                 .log = *log_,
                                 .workspace = *workspace_,
                                 .launcher = *launcher_,
                                 .limits = sandbox_limits_of(mission_.spec.isolation),
                                 .host = *this};
  parts.context.run = id_;
  parts.context.importance = mission_.spec.importance;
  parts.argv = mission_.spec.agent.command->argv;
  parts.goal = mission_.spec.goal;
  parts.open_doors = [this](const CallContext& call, const std::string& key) { return open_doors(call, key); };
  parts.make_key = [this] { return gateway::make_run_key(runtime_.rng()); };
  parts.on_budget = on_budget_of(mission_.spec.budget.on_exhausted);
  parts.budget_exhausted = [this] { return leaf_->exhausted() ? leaf_->exhausted_reason() : std::string(); };
  parts.release_return_reserve = [this] { leaf_->release_return_reserve(); };
  auto command = std::make_unique<agent::CommandAgent>(std::move(parts));
  command_ = command.get();
  executors_.add(std::string(agent::kAgentTool), *command);
  log_->observe([command = command_](const RunRecord& record) { command->observe(record); });
  agent_ = std::move(command);
}

Task<bool> Run::hold_command() {
  const bool waits_for_budget = mission_.spec.budget.on_exhausted == resource::OnExhausted::kPause;
  while (waits_for_budget && leaf_->exhausted() && desired_ != resource::DesiredState::kStopped) {
    if (!co_await wait_for_more_budget(leaf_->exhausted_reason())) co_return false;
  }
  co_return co_await proceed();
}

// A command does not ask before each of its steps, so a pause is noticed here.
Task<> Run::watch_pause() {
  ++background_;
  while (!ended_) {
    if (command_->running() && desired_ == resource::DesiredState::kPaused) (void)co_await proceed();
    if (!ended_) co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  --background_;
  wake();
}

}  // namespace remit::serve

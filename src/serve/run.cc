#include "serve/run.h"

#include <filesystem>

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "base/log.h"
#include "resource/approval.h"
#include "serve/daemon_status.h"

namespace remit::serve {

Run::Run(Runtime& runtime, Ulid id, RunOptions options)
    : runtime_(runtime),
      id_(id),
      options_(std::move(options)),
      changed_(runtime.executor(), asio::steady_timer::time_point::max()) {}

Run::~Run() = default;

Task<Result<std::unique_ptr<Run>>> Run::begin(Runtime& runtime, resource::Object mission, RunOptions options,
                                              Observer observer) {
  const Ulid id = options.id.value_or(Ulid::make(runtime.clock(), runtime.rng()));
  std::unique_ptr<Run> run(new Run(runtime, id, std::move(options)));
  REMIT_CO_CHECK_OK(runtime.folder().create_run(id));
  auto prepared = co_await run->prepare(std::move(mission), std::move(observer), {});
  if (prepared) prepared = co_await run->record_beginning(false);
  if (!prepared) {
    // Nothing has happened yet: a folder without a beginning would only confuse `resume`.
    run.reset();
    std::error_code ignored;
    std::filesystem::remove_all(runtime.folder().run_path(id), ignored);
    co_return fail(prepared.error());
  }
  co_return run;
}

Task<Result<>> Run::record_beginning(bool resumed) {
  RunBegan began{mission_.metadata.ns,
                 mission_.metadata.name,
                 mission_.metadata.uid,
                 mission_.metadata.generation,
                 object_.content(),
                 source_.file(),
                 recorded_,
                 options_.live,
                 resumed};
  REMIT_CO_TRY(const auto sequence, log_->append(std::move(began)));
  for (const auto& file : checks_->pinned()) {
    if (!resumed) note(fmt::format("{} is pinned for the checks: sha256 {}", file.path, file.sha256));
  }
  set_phase("Preparing", resumed ? "Resumed" : "Created");
  co_return co_await log_->wait_durable(sequence);
}

void Run::wake() {
  ++wakes_;
  changed_.cancel();
}

Task<> Run::wait_wake(std::uint64_t seen) {
  while (wakes_ == seen) co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Run::note(std::string message) { (void)log_->append(Note{std::move(message)}); }

void Run::set_phase(std::string phase, std::string reason, std::string message) {
  if (view_.phase() == phase && view_.phase_reason() == reason) return;
  (void)log_->append(PhaseChanged{std::move(phase), std::move(reason), std::move(message)});
}

void Run::stop(std::string reason) {
  if (desired_ == resource::DesiredState::kStopped) return;
  desired_ = resource::DesiredState::kStopped;
  stop_reason_ = std::move(reason);
  pipeline_->cancel_all(CancelReason::kStopped);
  wake();
}

Task<bool> Run::proceed() {
  while (desired_ == resource::DesiredState::kPaused) {
    const auto seen = wakes_;
    leaf_->pause_clock();
    set_phase("Paused", "Requested", "remit resume continues it");
    co_await publish_status();
    co_await wait_wake(seen);
  }
  if (desired_ == resource::DesiredState::kStopped) co_return false;
  leaf_->resume_clock();
  set_phase("Running", "Working");
  co_return true;
}

Task<bool> Run::is_answered(std::string approval) {
  auto object = co_await runtime_.store().get({std::string(resource::Approval::kKind), mission_.metadata.ns, approval});
  if (!object) co_return object.error().code() == Code::kNotFound;  // Deleted: the retry will ask anew.
  const auto current = resource::from_object<resource::Approval>(*object);
  co_return current && current->status.decision != resource::ApprovalDecision::kPending;
}

Task<bool> Run::wait_for_approval(std::string approval) {
  if (!std::exchange(watches_approvals_, true)) asio::co_spawn(runtime_.executor(), watch_approvals(), asio::detached);
  while (desired_ != resource::DesiredState::kStopped) {
    const auto seen = wakes_;
    if (co_await is_answered(approval)) break;
    // Time stands still when nothing but this question is open; other calls of the turn may still be at work.
    if (!pipeline_->busy() && desired_ == resource::DesiredState::kRunning) {
      leaf_->pause_clock();
      set_phase("WaitingForApproval", "Asked", fmt::format("remit approve {0}, or remit reject {0}", approval));
      co_await publish_status();
    }
    co_await wait_wake(seen);
  }
  co_return co_await proceed();
}

Task<> Run::watch_approvals() {
  ++background_;
  resource::WatchOptions options;
  options.kind = resource::Approval::kKind;
  options.ns = mission_.metadata.ns;
  while (!ended_) {
    auto watch = co_await runtime_.store().watch(options);
    if (!watch) {
      co_await runtime_.clock().sleep_for(kWatchRetry);
      continue;
    }
    approval_watch_ = std::move(*watch);
    while (!ended_ && co_await approval_watch_->next()) wake();
    approval_watch_.reset();
  }
  --background_;
  wake();
}

void Run::take_limits(const resource::Mission& mission) {
  const auto limits = limits_of(mission.spec.budget.limits);
  if (limits == limits_of(mission_.spec.budget.limits) || limits == refused_limits_) return;
  if (auto raised = leaf_->raise(limits); raised) {
    mission_.spec.budget.limits = mission.spec.budget.limits;
    if (auto set = raise_account(limits.amounts); !set) note("the raised budget: " + set.error().to_string());
    (void)log_->append(BudgetChanged{limits.amounts, limits.active_duration, "mission"});
  } else {
    refused_limits_ = limits;
    note("the changed budget was not taken over: " + raised.error().to_string());
  }
}

// What became of the mission's object while no process drove the run.
Task<> Run::take_up_object() {
  auto object = co_await runtime_.store().get(
      {std::string(resource::Mission::kKind), mission_.metadata.ns, mission_.metadata.name});
  if (!object && object.error().code() == Code::kNotFound) co_return stop("Deleted");
  if (!object) co_return note("the mission could not be read: " + object.error().to_string());
  const auto mission = resource::from_object<resource::Mission>(*object);
  if (mission && mission->metadata.uid != mission_.metadata.uid) co_return stop("Deleted");
  if (mission) apply_desired(*mission);
}

void Run::apply_desired(const resource::Mission& mission) {
  // What may change during a run is heeded by it, so nothing is left over that a new run would have to observe.
  mission_.metadata.generation = mission.metadata.generation;
  take_limits(mission);
  if (mission.spec.desired_state == resource::DesiredState::kStopped) {
    stop("Requested");
  } else if (desired_ != resource::DesiredState::kStopped) {
    desired_ = mission.spec.desired_state;
  }
  wake();
}

Task<> Run::watch_mission() {
  ++background_;
  resource::WatchOptions options;
  options.kind = resource::Mission::kKind;
  options.ns = mission_.metadata.ns;
  options.name = mission_.metadata.name;
  while (!ended_) {
    auto watch = co_await runtime_.store().watch(options);
    if (!watch) {
      co_await runtime_.clock().sleep_for(kWatchRetry);
      continue;
    }
    mission_watch_ = std::move(*watch);
    while (!ended_) {
      auto event = co_await mission_watch_->next();
      if (!event) break;  // Fallen behind or closed: begin again from what there is.
      if (event->type == resource::WatchEventType::kBookmark) continue;
      if (event->type == resource::WatchEventType::kDeleted) {
        stop("Deleted");
      } else if (auto mission = resource::from_object<resource::Mission>(event->object)) {
        apply_desired(*mission);
      }
    }
    mission_watch_.reset();
  }
  --background_;
  wake();
}

Task<> Run::watch_active_time() {
  ++background_;
  bool cancelled = false;
  while (const auto left = ended_ ? std::nullopt : leaf_->active_left()) {
    // Once each time that it runs out: the last turn of ReturnPartial comes afterwards, and the limit may be raised.
    const bool over = *left <= Duration(0);
    if (over && !std::exchange(cancelled, true)) pipeline_->cancel_all(CancelReason::kBudget);
    if (!over) cancelled = false;
    // Short naps: time stands still while a human is asked.
    const bool rested = co_await runtime_.clock().sleep_for(over ? kTimeNap : std::min<Duration>(*left, kTimeNap));
    if (!rested) break;  // The run is over.
  }
  --background_;
  wake();
}

Task<agent::AgentEnd> Run::drive_agent() {
  for (;;) {
    auto end = co_await agent_->work();
    const bool pauses = mission_.spec.budget.on_exhausted == resource::OnExhausted::kPause;
    if (end.kind != agent::EndKind::kExhausted || !pauses) co_return end;
    if (!co_await wait_for_more_budget(end.reason))
      co_return agent::AgentEnd{agent::EndKind::kStopped, "", stop_reason_};
  }
}

Task<bool> Run::wait_for_more_budget(std::string reason) {
  leaf_->pause_clock();
  set_phase("Paused", "BudgetExhausted",
            reason + fmt::format("; remit budget {} --add AMOUNT continues it", mission_.metadata.name));
  co_await publish_status();
  while (leaf_->exhausted() && desired_ != resource::DesiredState::kStopped) {
    co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  co_return desired_ != resource::DesiredState::kStopped;
}

Task<> Run::execute() {
  asio::co_spawn(runtime_.executor(), watch_mission(), asio::detached);
  leaf_->resume_clock();
  asio::co_spawn(runtime_.executor(), watch_active_time(),
                 asio::bind_cancellation_slot(end_naps_.slot(), asio::detached));
  if (command_) asio::co_spawn(runtime_.executor(), watch_pause(), asio::detached);
  set_phase("Running", "Working");
  co_await publish_status();
  auto end = co_await drive_agent();
  // What the agent left behind: a call whose client has gone.
  pipeline_->cancel_all(CancelReason::kStopped);
  co_await pipeline_->wait_idle();
  co_await finish(std::move(end));
  ended_ = true;
  if (mission_watch_) mission_watch_->close();
  if (approval_watch_) approval_watch_->close();
  end_naps_.emit(asio::cancellation_type::all);
  wake();
  while (background_ > 0) co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Run::settle_account() {
  if (auto settled = runtime_.authority().settle(id_.to_string(), leaf_->spent(), leaf_->leases_seen()); !settled) {
    log::warn("run {}: the ledger keeps its leases charged: {}", id_.to_string(), settled.error().to_string());
  }
}

Task<> Run::finish(agent::AgentEnd end) {
  leaf_->pause_clock();
  RunEnded ended{"Failed", "", false, end.answer};
  if (end.kind == agent::EndKind::kStopped) {
    ended.phase = "Stopped", ended.reason = stop_reason_.empty() ? "Stopped" : stop_reason_;
  } else {
    set_phase("Checking", "AgentEnded", end.reason);
    co_await publish_status();
    bool passed = true;
    auto results = co_await checks_->run(*launcher_, *workspace_, runtime_.file_pool(),
                                         sandbox_limits_of(mission_.spec.isolation));
    for (auto& result : results) {
      passed = passed && result.passed;
      (void)log_->append(std::move(result));
    }
    // Without checks the agent's own word is all there is.
    ended.goal_met = checks_->empty() ? end.kind == agent::EndKind::kFinished : passed;
    if (ended.goal_met) ended.phase = "Succeeded", ended.reason = checks_->empty() ? "AgentFinished" : "ChecksPassed";
    if (!ended.goal_met)
      ended.reason = end.kind == agent::EndKind::kExhausted ? "BudgetExhausted"
                     : end.kind == agent::EndKind::kFailed  ? "AgentFailed"
                                                            : "ChecksFailed";
    if (!end.reason.empty()) note(end.reason);
  }
  if (refreshed_) {
    if (auto saved = refreshed_->save(refreshed_->recording().source()); !saved)
      note("the recording was not refreshed: " + saved.error().to_string());
  }
  if (recorder_) {
    if (auto written = recorder_->finish(); !written)
      note("the recording was not written: " + written.error().to_string());
  }
  // Every charge is on the disk before the ledger gives the rest of the leases back, and that is done before the run
  // counts as ended: resume repeats it.
  auto durable = co_await log_->wait_durable(log_->log().last_sequence());
  if (durable) {
    settle_account();
    auto sequence = log_->append(std::move(ended));
    durable = sequence ? co_await log_->wait_durable(*sequence) : Result<>(fail(sequence.error()));
  }
  if (!durable) {
    // As after a crash: what is not in the log has not happened, so neither ledger nor status may say more than the log
    // does.
    failure_ =
        durable.error().wrap(fmt::format("run {} could not be recorded to its end; `remit resume {}` goes on from its "
                                         "last record when the cause is mended",
                                         id_.to_string(), mission_.metadata.name));
    co_return;
  }
  co_await publish_status();
}

Task<> Run::publish_status() {
  auto& status = mission_.status;
  const auto now = to_rfc3339(runtime_.clock().wall_now());
  status.phase = phase_of(view_.phase());
  status.observed_generation = mission_.metadata.generation;
  status.run_id = id_.to_string();
  status.trace_id = id_.to_hex();
  status.cost_micro_usd = view_.cost().value;
  status.tokens = {view_.usage().input, view_.usage().cached_input, view_.usage().output, view_.usage().reasoning};
  status.calls = view_.charged_calls();
  status.verdicts = {view_.verdicts().allow, view_.verdicts().deny, view_.verdicts().ask, view_.verdicts().unavailable};
  status.changes = {};
  for (const auto& [path, kind] : view_.changes()) {
    if (kind == FileChange::Kind::kAdded) ++status.changes.added;
    if (kind == FileChange::Kind::kModified) ++status.changes.modified;
    if (kind == FileChange::Kind::kDeleted) ++status.changes.deleted;
  }
  status.active_duration = leaf_->view().active_used;
  status.started_at = to_rfc3339(view_.started());
  if (view_.ended()) status.finished_at = now, status.goal_met = view_.ended()->goal_met;
  const auto condition = [&](std::string type, bool holds) {
    const auto state = holds ? resource::ConditionStatus::kTrue : resource::ConditionStatus::kFalse;
    resource::set_condition(
        status.conditions,
        {std::move(type), state, mission_.metadata.generation, "", view_.phase_reason(), view_.phase_message()}, now);
  };
  for (const char* phase : {"Running", "Paused", "WaitingForApproval"}) condition(phase, view_.phase() == phase);
  condition("Complete", view_.ended().has_value());
  if (view_.ended()) condition("GoalMet", view_.ended()->goal_met);
  // Status is a projection: whoever changed the object meanwhile changed its spec, so the patch names no version.
  json::object patch{{"status", *resource::to_object(mission_).find_status()}};
  const resource::Key key{std::string(resource::Mission::kKind), mission_.metadata.ns, mission_.metadata.name};
  auto patched = co_await runtime_.store().patch(key, std::move(patch), resource::PatchTarget::kStatus);
  if (!patched && patched.error().code() != Code::kNotFound) {
    log::warn("run {}: its status could not be written: {}", id_.to_string(), patched.error().to_string());
  }
  co_await publish_budget();
}

}  // namespace remit::serve

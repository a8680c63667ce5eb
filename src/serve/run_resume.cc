// How a run that a crash interrupted is taken up again.
#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <map>

#include <fmt/format.h>

#include "base/blocking.h"
#include "base/file.h"
#include "base/log.h"
#include "sandbox/leftovers.h"
#include "serve/run.h"

namespace remit::serve {

namespace {

// A call that began and was never settled.
struct OpenCall {
  std::uint64_t parent = 0;
  Action action;
  std::uint32_t attempt = 1;
  bool started = false;
  std::optional<Executed> executed;
};

std::map<std::uint64_t, OpenCall> open_calls(const std::vector<RunRecord>& past) {
  std::map<std::uint64_t, OpenCall> open;
  for (const auto& record : past) {
    if (const auto* proposed = std::get_if<Proposed>(&record.body))
      open[record.call] = {record.parent, proposed->action};
    if (const auto* reserved = std::get_if<Reserved>(&record.body))
      open[record.call].attempt = reserved->attempt, open[record.call].started = true;
    if (const auto* executed = std::get_if<Executed>(&record.body)) open[record.call].executed = *executed;
    if (std::holds_alternative<Settled>(record.body)) open.erase(record.call);
  }
  std::erase_if(open, [](const auto& call) { return !call.second.started; });
  return open;
}

std::uint64_t last_call(const std::vector<RunRecord>& past) {
  std::uint64_t last = 0;
  for (const auto& record : past) last = std::max(last, record.call);
  return last;
}

// What a call that was interrupted before its outcome was known has come to. Commands work on a layer that is thrown
// away and reads change nothing, so they can be repeated; for what leaves the machine nobody can tell.
Outcome interrupted_outcome(const Action& action) {
  const bool repeat = action.effect != Effect::kIrreversible;
  Outcome outcome;
  outcome.error = Error(
      Code::kCancelled,
      repeat ? "the runtime was interrupted before this call had an effect"
             : "the runtime was interrupted during this call: it may or may not have happened, and is not repeated");
  outcome.text = outcome.error->message();
  outcome.usage_known = false;
  agent::mark_interrupted(outcome, repeat);
  return outcome;
}

// The spawner removes its sandboxes when its daemon dies; a kill that took both left their cgroups.
Result<> sweep_after(const store::DataFolder& folder, Ulid run) {
  const auto text = read_file(folder.run_path(run) + "/lock", 64);
  const auto pid = text ? static_cast<pid_t>(std::strtol(text->c_str(), nullptr, 10)) : 0;
  // A living process of this number is another one, with sandboxes of its own.
  if (pid <= 0 || ::kill(pid, 0) == 0 || errno != ESRCH) return {};
  auto swept = sandbox::sweep_leftovers(run_instance_of(pid));
  if (!swept) log::warn("what run {} left behind stays: {}", run.to_string(), swept.error().to_string());
  return {};
}

}  // namespace

Task<Result<std::unique_ptr<Run>>> Run::resume(Runtime& runtime, Ulid id, RunOptions options, Observer observer) {
  REMIT_CO_TRY(auto past, action::read_run_log(runtime.files(), runtime.folder().run_log_path(id)));
  if (past.empty() || !std::holds_alternative<RunBegan>(past.front().body)) {
    co_return fail(Code::kDataLoss,
                   fmt::format("the log of run {} has no beginning; nothing of it had happened", id.to_string()));
  }
  for (const auto& record : past) {
    if (std::holds_alternative<RunEnded>(record.body)) {
      co_return fail(Code::kFailedPrecondition,
                     fmt::format("run {} has ended; there is nothing to resume", id.to_string()));
    }
  }
  const auto& began = std::get<RunBegan>(past.front().body);
  resource::Object mission(began.mission);
  // The object may have been changed since (a raised budget, desiredState); the spec that counts for goal and
  // permissions is the log's.
  options.live = began.live;
  REMIT_CO_CHECK_OK(
      co_await run_blocking(runtime.file_pool(), [&runtime, id] { return sweep_after(runtime.folder(), id); }));
  std::unique_ptr<Run> run(new Run(runtime, id, std::move(options)));
  REMIT_CO_CHECK_OK(co_await run->prepare(std::move(mission), std::move(observer), past));
  REMIT_CO_CHECK_OK(co_await run->record_beginning(true));
  REMIT_CO_CHECK_OK(co_await run->settle_interrupted(std::move(past)));
  co_await run->take_up_object();
  co_return run;
}

// The dead process held leases that are charged in full; now that every attempt is decided, what it did not spend goes
// back.
Result<> Run::take_up_leases() {
  auto& authority = runtime_.authority();
  REMIT_TRY(const auto held, authority.holder(id_.to_string()));
  if (!held) return {};
  REMIT_CHECK_OK(authority.settle(id_.to_string(), leaf_->spent(), held->leases));
  REMIT_TRY(const auto settled, authority.holder(id_.to_string()));
  leaf_->continue_from(settled.value_or(*held));
  return {};
}

Task<Result<>> Run::settle_interrupted(std::vector<RunRecord> past) {
  pipeline_->continue_after(last_call(past));
  for (auto& [number, call] : open_calls(past)) {
    Settled settled{call.attempt, {}, {}, true};
    const AttemptId attempt{id_, number, call.attempt};
    if (call.executed) {
      settled.outcome = call.executed->outcome;
      auto merged = co_await run_blocking(
          runtime_.file_pool(), [this, layer = call.executed->layer, changes = settled.outcome.changes]() mutable {
            return workspace_->finish_layer(layer, std::move(changes));
          });
      if (!merged)
        co_return fail(merged.error().wrap(fmt::format("the file changes of call {} could not be brought in", number)));
      settled.outcome.changes = std::move(*merged);
      settled.charged = leaf_->settle(attempt, call.action, settled.outcome);
    } else {
      settled.outcome = interrupted_outcome(call.action);
      // A recorded answer costs nothing until it is settled; of any other provider only it knows, so the attempt stays
      // charged in full. A call that is repeated is counted when it is.
      const bool is_model = call.action.kind == ActionKind::kModelCall;
      settled.reconciled = !is_model || recorded_;
      const bool repeat = call.action.effect != Effect::kIrreversible;
      if (settled.reconciled && repeat) {
        leaf_->release(attempt);
      } else {
        settled.charged = leaf_->charge_in_full(attempt);
      }
      settled.outcome.usage_known = settled.reconciled;
    }
    REMIT_CO_CHECK_OK(log_->append(settled, number, call.parent));
    agent_->restore(RunRecord{0, runtime_.clock().wall_now(), number, call.parent, std::move(settled)});
  }
  REMIT_CO_CHECK_OK(take_up_leases());
  if (const auto cut = log_->log().cut_bytes(); cut > 0)
    note(fmt::format("the end of the log was torn: {} bytes of an unfinished record were cut off", cut));
  // Layers without an Executed record belong to commands whose effects never counted.
  for (const auto& id : workspace_->layers()) {
    if (auto layer = workspace_->open_layer(id)) REMIT_CO_CHECK_OK(layer->discard());
  }
  co_return Result<>{};
}

}  // namespace remit::serve

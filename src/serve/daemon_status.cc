#include "serve/daemon_status.h"

#include <iterator>

namespace remit::serve {

resource::Phase phase_of(std::string_view text) {
  static constexpr std::string_view kNames[] = {
      "Pending", "Preparing", "Running", "WaitingForApproval", "Paused", "Checking", "Succeeded", "Failed", "Stopped"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == text) return static_cast<resource::Phase>(i);
  }
  return resource::Phase::kPending;
}

void set_condition(resource::Mission& mission, std::string type, bool holds, std::string reason, std::string message,
                   const Clock& clock) {
  const auto state = holds ? resource::ConditionStatus::kTrue : resource::ConditionStatus::kFalse;
  resource::set_condition(
      mission.status.conditions,
      {std::move(type), state, mission.metadata.generation, "", std::move(reason), std::move(message)},
      to_rfc3339(clock.wall_now()));
}

void mark_failed(resource::Mission& mission, std::string reason, std::string message, const Clock& clock) {
  constexpr std::size_t kConditionMessageBytes = 4000;
  if (message.size() > kConditionMessageBytes) message.resize(kConditionMessageBytes);
  auto& status = mission.status;
  status.phase = resource::Phase::kFailed;
  status.observed_generation = mission.metadata.generation;
  status.goal_met = false;
  status.finished_at = to_rfc3339(clock.wall_now());
  set_condition(mission, "Running", false, reason, message, clock);
  set_condition(mission, "Complete", true, reason, message, clock);
  set_condition(mission, "GoalMet", false, reason, message, clock);
}

void mark_stopped(resource::Mission& mission, const Clock& clock) {
  auto& status = mission.status;
  status.phase = resource::Phase::kStopped;
  status.observed_generation = mission.metadata.generation;
  status.finished_at = to_rfc3339(clock.wall_now());
  set_condition(mission, "Complete", true, "Requested", "stopped before a run began", clock);
}

void mark_ended(resource::Mission& mission, Ulid run, const RunView& view) {
  auto& status = mission.status;
  status.phase = phase_of(view.ended()->phase);
  // Until now the object showed a run under way, so nothing but steering could change in it.
  status.observed_generation = mission.metadata.generation;
  status.run_id = run.to_string();
  status.trace_id = run.to_hex();
  status.goal_met = view.ended()->goal_met;
  status.cost_micro_usd = view.cost().value;
  status.tokens = {view.usage().input, view.usage().cached_input, view.usage().output, view.usage().reasoning};
  status.calls = view.charged_calls();
  status.verdicts = {view.verdicts().allow, view.verdicts().deny, view.verdicts().ask, view.verdicts().unavailable};
  status.started_at = to_rfc3339(view.started());
  status.finished_at = to_rfc3339(view.last_time());
  const auto condition = [&](std::string type, bool holds) {
    const auto state = holds ? resource::ConditionStatus::kTrue : resource::ConditionStatus::kFalse;
    resource::set_condition(status.conditions,
                            {std::move(type), state, status.observed_generation, "", view.ended()->reason, ""},
                            status.finished_at);
  };
  condition("Running", false);
  condition("Complete", true);
  condition("GoalMet", view.ended()->goal_met);
}

}  // namespace remit::serve

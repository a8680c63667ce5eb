#include "cli/control_command.h"

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/exit_code.h"
#include "cli/run_command.h"
#include "resource/approval.h"
#include "serve/approval_book.h"

namespace remit::cli {

namespace {

std::string user_name() {
  const passwd* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : fmt::format("uid {}", ::getuid());
}

Task<Result<std::vector<resource::Object>>> chosen_missions(Session& session, std::string name, bool all) {
  std::vector<resource::Object> chosen;
  if (!all) {
    REMIT_CO_TRY(auto object, co_await session.mission(name));
    chosen.push_back(std::move(object));
    co_return chosen;
  }
  resource::ListOptions options;
  options.kind = resource::Mission::kKind;
  do {
    REMIT_CO_TRY(auto page, co_await session.store().list(options));
    std::move(page.items.begin(), page.items.end(), std::back_inserter(chosen));
    options.continue_token = page.continue_token;
  } while (!options.continue_token.empty());
  co_return chosen;
}

Task<Result<>> patch_spec(Session& session, resource::Object object, json::object spec) {
  auto patched = co_await session.store().patch(resource::key_of(object), json::object{{"spec", std::move(spec)}},
                                                resource::PatchTarget::kObject);
  if (!patched) co_return fail(patched.error());
  co_return Result<>{};
}

Task<Result<int>> set_state(Session& session, std::string name, bool all, const char* state, const char* done) {
  REMIT_CO_TRY(auto missions, co_await chosen_missions(session, name, all));
  int changed = 0;
  for (auto& object : missions) {
    REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(object));
    if (resource::is_finished(mission.status.phase)) {
      if (!all) co_return fail(Code::kFailedPrecondition, fmt::format("mission {} has ended already", name));
      continue;
    }
    REMIT_CO_CHECK_OK(co_await patch_spec(session, object, {{"desiredState", state}}));
    fmt::print("mission/{} {}\n", object.name(), done);
    ++changed;
  }
  if (all && changed == 0) fmt::print("no mission is under way\n");
  co_return kOk;
}

// The runs of these missions that began, did not end, and that no process drives.
Task<Result<std::vector<Ulid>>> abandoned_runs(Session& session, std::string name, bool all) {
  std::vector<Ulid> abandoned;
  if (const auto id = Ulid::parse(name); !all && id) {
    abandoned.push_back(*id);
    co_return abandoned;
  }
  REMIT_CO_TRY(const auto runs, session.folder().runs());
  for (const auto run : runs) {
    REMIT_CO_TRY(const auto driver, session.folder().run_pid(run));
    if (driver) continue;
    const auto records = session.records(run);
    if (!records || records->empty() || !std::holds_alternative<RunBegan>(records->front().body)) continue;
    if (std::holds_alternative<RunEnded>(records->back().body)) continue;
    if (all || std::get<RunBegan>(records->front().body).mission_name == name) abandoned.push_back(run);
  }
  co_return abandoned;
}

// Whoever resumes a run that was paused when its process died wants it to go on.
Task<Result<>> unpause(Session& session, Ulid run) {
  REMIT_CO_TRY(const auto records, session.records(run));
  const auto* began = records.empty() ? nullptr : std::get_if<RunBegan>(&records.front().body);
  if (!began) co_return Result<>{};
  auto object = co_await session.store().get(
      {std::string(resource::Mission::kKind), began->mission_namespace, began->mission_name});
  if (!object) co_return Result<>{};  // Deleted; the run then ends by itself.
  REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(*object));
  if (mission.spec.desired_state != resource::DesiredState::kPaused) co_return Result<>{};
  co_return co_await patch_spec(session, *object, {{"desiredState", "Running"}});
}

// Fails for a mission that neither a process of its own nor a daemon would carry on.
Task<Result<>> refuse_undriven(Session& session, std::string name) {
  if (session.has_daemon()) co_return Result<>{};
  REMIT_CO_TRY(const auto object, co_await session.mission(name));
  const auto* status = object.find_status();
  if (const auto run = Ulid::parse(status ? get_string(*status, "runId") : "")) {
    REMIT_CO_TRY(const auto driver, session.folder().run_pid(*run));
    if (driver) co_return Result<>{};
  }
  co_return fail(
      Code::kFailedPrecondition,
      fmt::format(
          "mission {} has no run to go on with: its last one ended or never began; start one with `remit run FILE`",
          name));
}

Task<Result<int>> find_abandoned(Session& session, std::string name, bool all, std::vector<Ulid>* found) {
  REMIT_CO_TRY(*found, co_await abandoned_runs(session, name, all));
  if (found->empty()) {
    if (!all) REMIT_CO_CHECK_OK(co_await refuse_undriven(session, name));
    co_return co_await set_state(session, name, all, "Running", "goes on");
  }
  for (const auto run : *found) REMIT_CO_CHECK_OK(co_await unpause(session, run));
  co_return kOk;
}

Task<Result<int>> add_budget(Session& session, std::string name, std::string usd, std::int64_t tokens,
                             std::int64_t calls, std::string time) {
  REMIT_CO_TRY(const auto object, co_await session.mission(name));
  REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(object));
  const auto& limits = mission.spec.budget.limits;
  json::object budget;
  if (!usd.empty()) {
    REMIT_CO_TRY(const auto by, parse_usd(usd));
    if (!limits.cost_usd) co_return fail(invalid_argument(fmt::format("mission {} has no limit on its cost", name)));
    budget["costUSD"] = to_usd(*limits.cost_usd + by);
  }
  if (tokens > 0 && limits.tokens) budget["tokens"] = *limits.tokens + tokens;
  if (calls > 0 && limits.tool_calls) budget["toolCalls"] = *limits.tool_calls + calls;
  if (!time.empty() && limits.active_duration) {
    REMIT_CO_TRY(const auto by, resource::parse_duration(time));
    budget["activeDuration"] = resource::format_duration(*limits.active_duration + by);
  }
  if (budget.empty()) {
    const auto& status = mission.status;
    fmt::print("mission/{}  {}{} spent · {} calls\n", object.name(), display_usd({status.cost_micro_usd}),
               limits.cost_usd ? " of " + display_usd(*limits.cost_usd) : "", status.calls);
    co_return kOk;
  }
  REMIT_CO_CHECK_OK(co_await patch_spec(session, object, {{"budget", budget}}));
  fmt::print("mission/{} budget raised: {}\n", object.name(), to_json(budget));
  co_return kOk;
}

Task<Result<int>> answer(Session& session, std::string name, bool approve, bool for_run, std::string message) {
  resource::ListOptions options;
  options.kind = resource::Approval::kKind;
  options.name = name;
  REMIT_CO_TRY(const auto found, co_await session.store().list(options));
  if (found.items.empty())
    co_return fail(
        not_found(fmt::format("there is no approval '{}'; `remit get approvals -A` lists them", printable(name, 100))));
  const std::string ns(found.items.front().ns());
  REMIT_CO_CHECK_OK(co_await serve::answer_approval(session.store(), ns, name, approve, for_run, user_name(), message,
                                                    to_rfc3339(session.clock().wall_now())));
  fmt::print("approval/{} {}{}\n", name, approve ? "approved" : "rejected", for_run ? " for the whole run" : "");
  co_return kOk;
}

}  // namespace

int stop_command(const CommonFlags& flags, const std::string& name, bool all) {
  return in_session(flags, [=](Session& session) { return set_state(session, name, all, "Stopped", "is stopping"); });
}

int pause_command(const CommonFlags& flags, const std::string& name, bool all) {
  return in_session(flags, [=](Session& session) { return set_state(session, name, all, "Paused", "is pausing"); });
}

int resume_command(const CommonFlags& flags, const std::string& name, bool all) {
  std::vector<Ulid> abandoned;
  const int code = in_session(
      flags, [&abandoned, name, all](Session& session) { return find_abandoned(session, name, all, &abandoned); });
  if (code != kOk) return code;
  int worst = kOk;
  for (const auto run : abandoned) worst = std::max(worst, resume_run(flags, run));
  return worst;
}

int budget_command(const CommonFlags& flags, const std::string& name, const std::string& add_usd, long long add_tokens,
                   long long add_calls, const std::string& add_time) {
  return in_session(
      flags, [=](Session& session) { return add_budget(session, name, add_usd, add_tokens, add_calls, add_time); });
}

int answer_command(const CommonFlags& flags, const std::string& approval, bool approve, bool for_run,
                   const std::string& message) {
  return in_session(flags, [=](Session& session) { return answer(session, approval, approve, for_run, message); });
}

}  // namespace remit::cli

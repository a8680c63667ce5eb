#include "cli/inspect_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/apply.h"
#include "cli/exit_code.h"
#include "cli/live_view.h"
#include "mesh/catalogue.h"
#include "policy/explain.h"
#include "policy/permissions.h"
#include "sandbox/workspace.h"
#include "serve/from_mission.h"
#include "serve/run.h"
#include "serve/run_view.h"
#include "store/log_reader.h"
#include "trace/projection.h"

namespace remit::cli {

namespace {

struct CompiledMission {
  resource::Mission mission;
  std::shared_ptr<const policy::Permissions> permissions;
};

Result<CompiledMission> compile(const resource::Object& object, const resource::SourceMap& source) {
  CompiledMission compiled;
  REMIT_TRY(compiled.mission, resource::from_object<resource::Mission>(object));
  REMIT_TRY(compiled.permissions, policy::Permissions::compile(serve::permissions_of(compiled.mission, source)));
  return compiled;
}

resource::SourceMap source_of(const resource::Object& object) {
  const auto map = parse_json_object(object.annotation(serve::kSourceMapAnnotation));
  return map ? resource::SourceMap::from_json(*map) : resource::SourceMap();
}

BudgetView budget_before(const std::vector<RunRecord>& records, std::uint64_t call, const resource::Mission& mission) {
  BudgetView view;
  view.limit = serve::limits_of(mission.spec.budget.limits).amounts;
  for (const auto& record : records) {
    if (record.call >= call) continue;
    if (const auto* settled = std::get_if<Settled>(&record.body)) {
      view.spent.cost += settled->charged.cost;
      view.spent.tokens += settled->charged.tokens;
      view.spent.calls += settled->charged.calls;
    }
  }
  return view;
}

// One call as the log has it, whole.
struct LoggedCall {
  Action action;
  Verdict verdict;
  std::uint64_t parent = 0;
};

Result<LoggedCall> find_call(const std::vector<RunRecord>& records, std::uint64_t number) {
  LoggedCall call;
  std::uint64_t last = 0;
  for (const auto& record : records) {
    last = std::max(last, record.call);
    if (record.call != number) continue;
    if (const auto* proposed = std::get_if<Proposed>(&record.body))
      call.action = proposed->action, call.parent = record.parent;
    if (const auto* judged = std::get_if<Judged>(&record.body)) {
      call.verdict = judged->verdict;
      return call;
    }
  }
  return fail(not_found(fmt::format("the run has no call {}; its calls are 1 to {}", number, last)));
}

Task<Result<int>> why(Session& session, std::uint64_t number, std::string run) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  REMIT_CO_TRY(const auto records, session.records(found.id));
  REMIT_CO_TRY(const auto call, find_call(records, number));
  const resource::Object object(std::get<RunBegan>(records.front().body).mission);
  REMIT_CO_TRY(const auto compiled, compile(object, source_of(object)));
  std::string text;
  json::object machine{{"call", number}, {"action", to_json_object(call.action)}};
  if (call.verdict.layer == "permissions") {
    const auto budget = budget_before(records, number, compiled.mission);
    CallContext context;
    context.run = found.id, context.call = number, context.parent = call.parent;
    auto explanation = compiled.permissions->explain(call.action, context, &budget);
    // The verdict that counted is the log's; the rules explain it.
    explanation.verdict = call.verdict;
    text = policy::render(call.action, explanation);
    for (auto& member : policy::to_json_object(explanation)) machine[member.key()] = member.value();
  } else {
    text = policy::render(call.action, call.verdict);
    machine["verdict"] = to_json_object(call.verdict);
  }
  if (session.flags().output != OutputFormat::kText) {
    print_object(machine, session.flags().output);
    co_return kOk;
  }
  if (!call.action.justification.empty())
    text += fmt::format("the agent said: “{}”\n", printable(call.action.justification, 500));
  fmt::print("{}", text);
  co_return kOk;
}

Task<Result<int>> show_trace(Session& session, std::string run) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  REMIT_CO_TRY(const auto records, session.records(found.id));
  trace::Projection projection(found.id);
  for (const auto& record : records) projection.add(record);
  if (session.flags().output != OutputFormat::kText) {
    print_object(trace::to_otlp_json(projection.spans(), REMIT_VERSION), session.flags().output);
    co_return kOk;
  }
  winsize size{};
  const bool known = ::isatty(STDOUT_FILENO) && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
  fmt::print("{}", trace::render_tree(projection.spans(), known ? size.ws_col - 1u : 200u));
  co_return kOk;
}

// Calls `show` for every record of the run; with `follow` until it has ended.
Task<Result<>> each_record(Session& session, FoundRun found, bool follow, std::function<void(const RunRecord&)> show) {
  store::PosixFileSystem files;
  REMIT_CO_TRY(auto reader, store::LogReader::open(files, session.folder().run_log_path(found.id)));
  for (;;) {
    REMIT_CO_TRY(auto next, reader.next());
    if (!next && !follow) co_return Result<>{};
    if (!next) {
      // A run whose process died will never end by itself.
      REMIT_CO_TRY(const auto driver, session.folder().run_pid(found.id));
      if (!driver) co_return Result<>{};
      co_await session.clock().sleep_for(store::kLogFollowInterval);
      continue;
    }
    REMIT_CO_TRY(const auto object, parse_json_object(next->payload));
    REMIT_CO_TRY(const auto record, run_record_from_json(object));
    show(record);
    if (std::holds_alternative<RunEnded>(record.body)) follow = false;
  }
}

// For a call whose output was shown as it came.
std::string end_of_call(std::uint64_t call, const Action& action, const Outcome& outcome) {
  std::string text = fmt::format("#{} {} {}: {}\n", call, printable(action.tool), printable(action.resource, 200),
                                 outcome.error ? printable(outcome.error->message(), 400) : "ended well");
  for (const auto& change : outcome.changes) {
    if (!change.permitted)
      text += fmt::format("    not kept: {}: {}\n", printable(change.path, 200), printable(change.reason, 300));
  }
  return text;
}

Task<Result<int>> logs(Session& session, std::string run, bool follow) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  const bool machine = session.flags().output != OutputFormat::kText;
  std::map<std::uint64_t, Action> actions;
  std::set<std::uint64_t> shown;  // Calls whose output came line by line.
  const auto show = [&](const RunRecord& record) {
    if (machine) return fmt::print("{}\n", to_json(to_json_object(record)));
    if (const auto* proposed = std::get_if<Proposed>(&record.body)) actions[record.call] = proposed->action;
    const auto* judged = std::get_if<Judged>(&record.body);
    if (judged && (!judged->verdict.allows() || actions[record.call].kind == ActionKind::kFileChange))
      actions.erase(record.call);
    if (const auto* line = std::get_if<Note>(&record.body); line && record.call != 0) {
      shown.insert(record.call);
      return fmt::print("#{} | {}\n", record.call, printable(line->message));
    }
    const auto* settled = std::get_if<Settled>(&record.body);
    if (!settled) return;
    const auto& action = actions[record.call];
    if (shown.contains(record.call)) return fmt::print("{}", end_of_call(record.call, action, settled->outcome));
    std::string text = settled->outcome.response ? settled->outcome.response->message.text : settled->outcome.text;
    fmt::print("#{} {} {}\n", record.call, printable(action.tool), printable(action.resource, 200));
    for (const auto line : split(trim(text), '\n')) {
      if (!line.empty()) fmt::print("    {}\n", printable(line));
    }
  };
  REMIT_CO_CHECK_OK(co_await each_record(session, found, follow, show));
  co_return kOk;
}

std::string event_line(const RunRecord& record) {
  if (const auto* phase = std::get_if<PhaseChanged>(&record.body))
    return fmt::format("{:<12} {} {}", phase->phase, phase->reason, printable(phase->message));
  if (const auto* note = std::get_if<Note>(&record.body); note && record.call == 0)
    return fmt::format("{:<12} {}", "Note", printable(note->message));
  if (const auto* check = std::get_if<CheckResult>(&record.body))
    return fmt::format("{:<12} {} {}", "Check", check->name, check->passed ? "passed" : "failed");
  if (const auto* ended = std::get_if<RunEnded>(&record.body))
    return fmt::format("{:<12} {}", ended->phase, ended->reason);
  if (const auto* budget = std::get_if<BudgetChanged>(&record.body))
    return fmt::format("{:<12} {}", "Budget", display_usd(budget->limit.cost));
  if (const auto* judged = std::get_if<Judged>(&record.body); judged && judged->verdict.decision != Decision::kAllow) {
    return fmt::format("{:<12} #{} by {} {}: {}", to_string(judged->verdict.decision), record.call,
                       judged->verdict.layer, judged->verdict.rule, printable(judged->verdict.reason, 200));
  }
  return "";
}

Task<Result<int>> events(Session& session, std::string run, bool follow) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  const bool machine = session.flags().output != OutputFormat::kText;
  const auto show = [&](const RunRecord& record) {
    const auto line = event_line(record);
    if (line.empty()) return;
    if (machine) return fmt::print("{}\n", to_json(to_json_object(record)));
    fmt::print("{}  {}\n", to_rfc3339(record.time), line);
  };
  REMIT_CO_CHECK_OK(co_await each_record(session, found, follow, show));
  co_return kOk;
}

Result<int> can_i(const CommonFlags& flags, const std::string& file, const std::string& tool,
                  const std::string& arguments) {
  REMIT_TRY(const auto objects, load_objects(file, flags.ns));
  for (const auto& each : objects) {
    if (each.object.kind() != resource::Mission::kKind) continue;
    REMIT_TRY(const auto compiled, compile(each.object, each.source));
    mesh::Catalogue catalogue([](std::string_view path) { return sandbox::Workspace::normalise(path); });
    for (auto& built_in : mesh::built_in_tools()) REMIT_CHECK_OK(catalogue.add(std::move(built_in)));
    REMIT_TRY(const auto action, catalogue.decode(tool, arguments, "builtin"));
    BudgetView budget;
    budget.limit = serve::limits_of(compiled.mission.spec.budget.limits).amounts;
    const auto explanation = compiled.permissions->explain(action, {}, &budget);
    if (flags.output == OutputFormat::kText) {
      fmt::print("{}", policy::render(action, explanation));
    } else {
      print_object(policy::to_json_object(explanation), flags.output);
    }
    return explanation.verdict.allows() ? kOk : kDenied;
  }
  return fail(invalid_argument(fmt::format("{} holds no Mission", file)));
}

}  // namespace

int why_command(const CommonFlags& flags, std::uint64_t call, const std::string& run) {
  return in_session(flags, [=](Session& session) { return why(session, call, run); });
}

int trace_command(const CommonFlags& flags, const std::string& run) {
  return in_session(flags, [=](Session& session) { return show_trace(session, run); });
}

int logs_command(const CommonFlags& flags, const std::string& run, bool follow) {
  return in_session(flags, [=](Session& session) { return logs(session, run, follow); });
}

int events_command(const CommonFlags& flags, const std::string& run, bool follow) {
  return in_session(flags, [=](Session& session) { return events(session, run, follow); });
}

int can_i_command(const CommonFlags& flags, const std::string& file, const std::string& tool,
                  const std::string& arguments) {
  auto result = can_i(flags, file, tool, arguments);
  return result ? *result : report(result.error());
}

}  // namespace remit::cli

#include "cli/resources_command.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/apply.h"
#include "cli/exit_code.h"
#include "policy/permissions.h"
#include "resource/kinds.h"
#include "resource/manifest.h"
#include "serve/from_mission.h"
#include "serve/run.h"

namespace remit::cli {

namespace {

Result<const resource::KindInfo*> kind_named(const std::string& name) {
  if (const auto* kind = resource::find_kind(name)) return kind;
  const auto near = nearest(name, resource::kind_names());
  return fail(invalid_argument(fmt::format("there is no kind '{}'{}", printable(name, 80),
                                           near.empty() ? "" : fmt::format("; did you mean {}?", near))));
}

std::string lower_kind(const resource::Object& object) { return to_lower(object.kind()); }

Task<Result<int>> apply(Session& session, std::vector<std::string> files) {
  for (const auto& file : files) {
    REMIT_CO_TRY(auto objects, load_objects(file, session.flags().ns));
    for (auto& each : objects) {
      auto before = co_await session.store().get(resource::key_of(each.object));
      REMIT_CO_TRY(const auto after, co_await apply_object(session.store(), std::move(each)));
      const char* what = !before                                                  ? "created"
                         : before->resource_version() == after.resource_version() ? "unchanged"
                                                                                  : "configured";
      fmt::print("{}/{} {}\n", lower_kind(after), after.name(), what);
    }
  }
  co_return kOk;
}

struct Column {
  const char* title;
  std::function<std::string(const resource::Object&)> value;
};

std::string member(const resource::Object& object, bool in_status, std::string_view key) {
  const auto* part = in_status ? object.find_status() : object.find_spec();
  const auto* value = part ? find(*part, key) : nullptr;
  if (!value) return "";
  return value->is_string() ? std::string(value->get_string()) : to_json(*value);
}

std::vector<Column> columns_of(std::string_view kind) {
  std::vector<Column> columns{{"NAMESPACE", [](const resource::Object& o) { return std::string(o.ns()); }},
                              {"NAME", [](const resource::Object& o) { return std::string(o.name()); }}};
  const auto add = [&](const char* title, bool in_status, const char* key) {
    columns.push_back({title, [=](const resource::Object& o) { return member(o, in_status, key); }});
  };
  if (kind == "Mission") {
    add("PHASE", true, "phase");
    add("GOALMET", true, "goalMet");
    columns.push_back({"COST", [](const resource::Object& o) {
                         return o.find_status() ? display_usd({get_int(*o.find_status(), "costMicroUSD")}) : "";
                       }});
    add("RUN", true, "runId");
    add("GOAL", false, "goal");
  } else if (kind == "Approval") {
    add("DECISION", true, "decision");
    columns.push_back({"ACTION", [](const resource::Object& o) {
                         const auto* action = o.find_spec() ? find_object(*o.find_spec(), "action") : nullptr;
                         return action
                                    ? fmt::format("{} {}", get_string(*action, "tool"), get_string(*action, "resource"))
                                    : std::string();
                       }});
    add("REASON", false, "reason");
  } else {
    columns.push_back({"TYPE", [](const resource::Object& o) { return member(o, false, "type"); }});
  }
  return columns;
}

void print_table(std::string_view kind, const std::vector<resource::Object>& objects, bool with_title) {
  constexpr std::size_t kCellBytes = 60;
  const auto columns = columns_of(kind);
  std::vector<std::vector<std::string>> rows;
  if (with_title) {
    rows.emplace_back();
    for (const auto& column : columns) rows.back().emplace_back(column.title);
  }
  for (const auto& object : objects) {
    rows.emplace_back();
    for (const auto& column : columns) rows.back().push_back(printable(column.value(object), kCellBytes));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += fmt::format("{:<{}}   ", row[i], widths[i]);
    fmt::print("{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
  }
  std::fflush(stdout);
}

Task<Result<int>> watch_objects(Session& session, resource::WatchOptions options) {
  REMIT_CO_TRY(auto watch, co_await session.store().watch(std::move(options)));
  bool title = true;
  for (;;) {
    REMIT_CO_TRY(const auto event, co_await watch->next());
    if (event.type == resource::WatchEventType::kBookmark) continue;
    if (session.flags().output == OutputFormat::kText) {
      print_table(event.object.kind(), {event.object}, std::exchange(title, false));
    } else {
      print_object(json::object{{"type", jsv(to_string(event.type))}, {"object", event.object.content()}},
                   OutputFormat::kJsonLines);
      std::fflush(stdout);
    }
  }
}

Task<Result<int>> get(Session& session, std::string kind_name, std::string name, bool all_namespaces, bool watch) {
  REMIT_CO_TRY(const auto* kind, kind_named(kind_name));
  const std::string ns = all_namespaces ? "" : session.flags().ns;
  if (watch) co_return co_await watch_objects(session, {std::string(kind->kind), ns, name, {}, ""});
  std::vector<resource::Object> objects;
  if (!name.empty()) {
    REMIT_CO_TRY(auto object, co_await session.store().get({std::string(kind->kind), ns, name}));
    if (session.flags().output != OutputFormat::kText) {
      print_object(object.content(), session.flags().output);
      co_return kOk;
    }
    objects.push_back(std::move(object));
  } else {
    resource::ListOptions options;
    options.kind = kind->kind, options.ns = ns;
    do {
      REMIT_CO_TRY(auto page, co_await session.store().list(options));
      std::move(page.items.begin(), page.items.end(), std::back_inserter(objects));
      options.continue_token = page.continue_token;
    } while (!options.continue_token.empty());
  }
  if (session.flags().output == OutputFormat::kText) {
    if (objects.empty())
      fmt::print(stderr, "no {} in {}\n", kind->plural, ns.empty() ? "any namespace" : "namespace " + ns);
    if (!objects.empty()) print_table(kind->kind, objects, true);
    co_return kOk;
  }
  json::array items;
  for (auto& object : objects) items.push_back(std::move(object.content()));
  print_object(json::object{{"apiVersion", jsv(resource::kApiVersion)},
                            {"kind", fmt::format("{}List", kind->kind)},
                            {"items", std::move(items)}},
               session.flags().output);
  co_return kOk;
}

Task<Result<int>> remove(Session& session, std::string kind_name, std::string name) {
  REMIT_CO_TRY(const auto* kind, kind_named(kind_name));
  auto removed = co_await session.store().remove({std::string(kind->kind), session.flags().ns, name}, {});
  if (!removed) co_return fail(removed.error());
  fmt::print("{}/{} deleted\n", kind->singular, printable(name));
  co_return kOk;
}

int exit_code_of(const resource::MissionStatus& status) {
  if (status.goal_met.value_or(false)) return kOk;
  if (status.phase == resource::Phase::kStopped) return kStopped;
  const auto* complete = resource::find_condition(status.conditions, "Complete");
  return complete && complete->reason == "BudgetExhausted" ? kBudgetExhausted : kGoalNotMet;
}

// Whether the daemon is about to begin another run of a mission that has ended.
bool is_run_due(const Session& session, const resource::Object& object, const resource::Mission& mission) {
  if (!session.has_daemon() || !object.annotation(serve::kDriverAnnotation).empty()) return false;
  const auto named = object.annotation(serve::kRunAnnotation);
  if (!named.empty() && named != mission.status.run_id) return true;
  return mission.metadata.generation > mission.status.observed_generation &&
         mission.spec.desired_state == resource::DesiredState::kRunning;
}

Task<Result<int>> wait(Session& session, std::string name, std::string timeout) {
  std::optional<SteadyTime> deadline;
  if (!timeout.empty()) {
    REMIT_CO_TRY(const auto length, resource::parse_duration(timeout));
    deadline = session.clock().steady_now() + length;
  }
  for (;;) {
    REMIT_CO_TRY(const auto object, co_await session.mission(name));
    REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(object));
    if (resource::is_finished(mission.status.phase) && !is_run_due(session, object, mission))
      co_return exit_code_of(mission.status);
    if (deadline && session.clock().steady_now() >= *deadline) {
      co_return fail(Code::kDeadlineExceeded, fmt::format("mission {} has not ended after {}; it is {}", name, timeout,
                                                          member(object, true, "phase")));
    }
    co_await session.clock().sleep_for(std::chrono::milliseconds(100));
  }
}

// Faults that only show when the parts are put together: conditions that do not compile, hosts and globs that are not
// sound.
Result<std::vector<std::string>> deeper(const resource::LoadedObject& each) {
  if (each.object.kind() != resource::Mission::kKind) return std::vector<std::string>{};
  REMIT_TRY(const auto mission, resource::from_object<resource::Mission>(each.object, &each.source));
  REMIT_TRY(const auto permissions, policy::Permissions::compile(serve::permissions_of(mission, each.source)));
  return permissions->warnings();
}

}  // namespace

int apply_command(const CommonFlags& flags, const std::vector<std::string>& files) {
  return in_session(flags, [=](Session& session) { return apply(session, files); });
}

int get_command(const CommonFlags& flags, const std::string& kind, const std::string& name, bool all_namespaces,
                bool watch) {
  return in_session(flags, [=](Session& session) { return get(session, kind, name, all_namespaces, watch); });
}

int delete_command(const CommonFlags& flags, const std::string& kind, const std::string& name) {
  return in_session(flags, [=](Session& session) { return remove(session, kind, name); });
}

int wait_command(const CommonFlags& flags, const std::string& mission, const std::string& timeout) {
  return in_session(flags, [=](Session& session) { return wait(session, mission, timeout); });
}

int validate_command(const CommonFlags& flags, const std::vector<std::string>& files) {
  int code = kOk;
  for (const auto& file : files) {
    const auto objects = load_objects(file, flags.ns);
    if (!objects) {
      code = report(objects.error());
      continue;
    }
    for (const auto& each : *objects) {
      const auto warnings = deeper(each);
      if (!warnings) {
        code = report(warnings.error().wrap(file));
        continue;
      }
      for (const auto& warning : *warnings) fmt::print(stderr, "{}: warning: {}\n", file, warning);
      fmt::print("{}: {}/{} is valid\n", printable(file), lower_kind(each.object), each.object.name());
    }
  }
  return code;
}

}  // namespace remit::cli

// The only file that includes CLI11, which is slow to compile.
#include "cli/main.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "base/log.h"
#include "base/strings.h"
#include "cli/control_command.h"
#include "cli/doctor_command.h"
#include "cli/exit_code.h"
#include "cli/files_command.h"
#include "cli/inspect_command.h"
#include "cli/resources_command.h"
#include "cli/run_command.h"
#include "cli/serve_command.h"
#include "serve/daemon.h"

namespace remit::cli {

namespace {

// The values that the options are parsed into, and the exit code of the command that was called. Lives as long as the
// parsing.
struct Parsed {
  CommonFlags common;
  RunFlags run;
  std::string log_level = "warn", on_ask = "wait";
  std::string file, kind, name, tool, arguments = "{}", message, timeout, add_usd, add_time;
  std::vector<std::string> files;
  std::string listen;
  std::size_t runs = serve::kDaemonRuns;
  std::uint64_t call = 0;
  long long add_tokens = 0, add_calls = 0;
  bool all = false, watch = false, follow = false, for_run = false, names_only = false;
  int code = kUsage;
};

using Command = std::function<int(Parsed&)>;

CLI::App* add(CLI::App& app, Parsed& parsed, const char* name, const char* help, Command command) {
  auto* sub = app.add_subcommand(name, help);
  static const std::map<std::string, OutputFormat> formats{{"text", OutputFormat::kText},
                                                           {"json", OutputFormat::kJson},
                                                           {"jsonl", OutputFormat::kJsonLines},
                                                           {"yaml", OutputFormat::kYaml}};
  sub->add_option("-n,--namespace", parsed.common.ns, "Namespace (default: default)")->option_text("NS");
  sub->add_option("--data", parsed.common.data, "Data folder (default: $REMIT_DATA, else ~/.local/state/remit)")
      ->option_text("FOLDER");
  sub->add_option("-o,--output", parsed.common.output, "text, json, jsonl or yaml")
      ->option_text("FORMAT")
      ->transform(CLI::CheckedTransformer(formats));
  sub->callback([&parsed, command = std::move(command)] { parsed.code = command(parsed); });
  return sub;
}

CLI::App& add_run(CLI::App& app, Parsed& p) {
  auto* run = add(app, p, "run", "Take an agent to its goal and show how", [](Parsed& q) {
    q.run.common = q.common;
    q.run.reject_asks = q.on_ask == "reject";
    return run_command(q.run);
  });
  auto& c = p.run.command;
  run->add_option("file", p.run.file, "Manifest with one Mission; or leave it out and give a command after --")
      ->option_text("FILE");
  run->add_flag("--live", c.live, "Use a real model: OPENAI_API_KEY, ANTHROPIC_API_KEY or REMIT_MODEL_URL must be set");
  run->add_option("--record", p.run.record, "With --live: write the model's turns to this file")->option_text("FILE");
  run->add_flag("--refresh-recording", p.run.refresh_recording,
                "Keep the recording's answers and rewrite the requests they belong to");
  run->add_option("--budget", c.budget, "Dollars this run may cost, instead of the mission's")->option_text("USD");
  run->add_option("--on-ask", p.on_ask, "When the mission asks a human: wait or reject")
      ->check(CLI::IsMember({"wait", "reject"}));
  return *run;
}

// What stands for a manifest with `remit run … -- CMD`.
void add_run_command(CLI::App& run, Parsed& p) {
  auto& c = p.run.command;
  const auto add_list = [&](const char* name, std::vector<std::string>& into, const char* help, const char* value) {
    run.add_option(name, into, help)->option_text(value)->allow_extra_args(false)->group("With -- CMD");
  };
  const auto add_text = [&](const char* name, auto& into, const char* help, const char* value) {
    run.add_option(name, into, help)->option_text(value)->group("With -- CMD");
  };
  add_text("--goal", c.goal, "What the agent shall achieve (default: to run the command)", "TEXT");
  add_text("--dir", c.dir, "Folder to work on, copy on write (default: this one)", "DIR");
  add_text("--tokens", c.tokens, "Tokens it may use", "N");
  add_text("--calls", c.calls, "Tool calls it may make", "N");
  add_text("--time", c.time, "How long it may work (default: 1h)", "DURATION");
  add_list("--allow", c.allow, "Allow a tool, under a condition in CEL if one is given", "TOOL_GLOB[=CEL]");
  add_list("--ask", c.ask, "Ask a human before a tool is used", "TOOL_GLOB[=CEL]");
  add_list("--write", c.write, "Files that may be changed (default: **); your folder changes at `remit accept` only",
           "GLOB");
  add_list("--hide", c.hide, "Files that it does not see", "GLOB");
  add_list("--egress", c.egress, "Address that http.request may reach", "HOST:PORT");
  add_list("--check", c.check, "Command that decides whether the goal is met", "CMD");
  add_text("--tier", c.tier, "Weakest isolation that is good enough: Process, GVisor (default) or MicroVM", "TIER");
  add_text("--model", c.model, "The one model that it may call (default: any of the provider)", "NAME");
  add_text("--name", c.name, "Name of the mission (default: made from the command)", "NAME");
  run.add_flag("--dry-run", p.run.dry_run, "Print the objects instead of running them (-o yaml)")->group("With -- CMD");
  run.footer("A command after -- is the agent: remit run --tier Process -- python3 agent.py");
}

void add_serve(CLI::App& app, Parsed& p) {
  auto* serve = add(app, p, "serve", "Drive the missions of a data folder and offer the API, until SIGTERM",
                    [](Parsed& q) { return serve_command(q.common, q.listen, q.runs); });
  serve
      ->add_option("--listen", p.listen,
                   "Also listen on this loopback address; clients send the key in api.key of the data folder")
      ->option_text("ADDRESS:PORT");
  serve->add_option("--runs", p.runs, "Missions under way at once; others wait")
      ->option_text("N")
      ->check(CLI::Range(1, 256));
}

void add_resources(CLI::App& app, Parsed& p) {
  auto* apply = add(app, p, "apply", "Create or change the objects of a file",
                    [](Parsed& q) { return apply_command(q.common, q.files); });
  apply->add_option("-f,--filename,file", p.files, "Manifests; - is standard input")->option_text("FILE")->required();
  auto* get = add(app, p, "get", "Show objects",
                  [](Parsed& q) { return get_command(q.common, q.kind, q.name, q.all, q.watch); });
  get->add_option("kind", p.kind, "missions, approvals, budgets, modelproviders, toolservers …")
      ->option_text("KIND")
      ->required();
  get->add_option("name", p.name)->option_text("NAME");
  get->add_flag("-A,--all-namespaces", p.all);
  get->add_flag("-w,--watch", p.watch, "Go on showing changes");
  auto* remove = add(app, p, "delete", "Delete an object; a mission under way is stopped",
                     [](Parsed& q) { return delete_command(q.common, q.kind, q.name); });
  remove->add_option("kind", p.kind)->option_text("KIND")->required();
  remove->add_option("name", p.name)->option_text("NAME")->required();
  auto* wait = add(app, p, "wait", "Wait until a mission has ended",
                   [](Parsed& q) { return wait_command(q.common, q.name, q.timeout); });
  wait->add_option("name", p.name)->option_text("MISSION")->required();
  wait->add_option("--timeout", p.timeout, "At most this long, such as 10m")->option_text("DURATION");
  auto* validate = add(app, p, "validate", "Check manifests and say what is wrong with them",
                       [](Parsed& q) { return validate_command(q.common, q.files); });
  validate->add_option("file", p.files)->option_text("FILE")->required();
}

void add_control(CLI::App& app, Parsed& p) {
  const auto add_steering = [&](const char* name, const char* help,
                                int (*command)(const CommonFlags&, const std::string&, bool)) {
    auto* sub = add(app, p, name, help, [command](Parsed& q) { return command(q.common, q.name, q.all); });
    auto* mission = sub->add_option("name", p.name)->option_text("MISSION");
    sub->add_flag("--all", p.all, "Every mission under way")->excludes(mission);
  };
  add_steering("stop", "End a mission's run", stop_command);
  add_steering("pause", "Halt a mission's run before its next step", pause_command);
  add_steering("resume", "Let a paused mission go on, or take up a run whose process died", resume_command);
  auto* budget = add(app, p, "budget", "Show or raise what a mission may use", [](Parsed& q) {
    return budget_command(q.common, q.name, q.add_usd, q.add_tokens, q.add_calls, q.add_time);
  });
  budget->add_option("name", p.name)->option_text("MISSION")->required();
  budget->add_option("--add", p.add_usd, "Dollars")->option_text("USD");
  budget->add_option("--add-tokens", p.add_tokens)->option_text("N");
  budget->add_option("--add-calls", p.add_calls)->option_text("N");
  budget->add_option("--add-time", p.add_time)->option_text("DURATION");
  const auto add_answer = [&](const char* name, const char* help, bool approve) {
    auto* sub = add(app, p, name, help,
                    [approve](Parsed& q) { return answer_command(q.common, q.name, approve, q.for_run, q.message); });
    sub->add_option("approval", p.name)->option_text("APPROVAL")->required();
    sub->add_flag("--for-run", p.for_run, "The same action again too, as long as this run lasts");
    sub->add_option("-m,--message", p.message, "Why; the agent is told")->option_text("TEXT");
  };
  add_answer("approve", "Let an action that asks run", true);
  add_answer("reject", "Refuse an action that asks", false);
}

void add_inspection(CLI::App& app, Parsed& p) {
  auto* why = add(app, p, "why", "Explain the verdict of one call",
                  [](Parsed& q) { return why_command(q.common, q.call, q.name); });
  why->add_option("call", p.call, "Number of the call")->option_text("N")->required()->check(CLI::Range(0.0, 1e12));
  why->add_option("run", p.name, "Run or mission; the latest run when left out")->option_text("RUN");
  auto* can_i = add(app, p, "can-i", "Tell the verdict that an action would get",
                    [](Parsed& q) { return can_i_command(q.common, q.file, q.tool, q.arguments); });
  can_i->add_option("file", p.file, "Manifest with the Mission")->option_text("FILE")->required();
  can_i->add_option("--tool", p.tool, "Such as shell.run")->option_text("TOOL")->required();
  can_i->add_option("--args", p.arguments, "The tool's arguments as JSON")->option_text("JSON");
  const auto add_reader = [&](const char* name, const char* help, Command command) {
    auto* sub = add(app, p, name, help, std::move(command));
    sub->add_option("run", p.name, "Run or mission; the latest run when left out")->option_text("RUN");
    return sub;
  };
  add_reader("trace", "Show a run as a tree of spans", [](Parsed& q) { return trace_command(q.common, q.name); });
  add_reader("logs", "Show what each call of a run gave", [](Parsed& q) {
    return logs_command(q.common, q.name, q.follow);
  })->add_flag("-f,--follow", p.follow);
  add_reader("events", "Show phases, denials and notes of a run", [](Parsed& q) {
    return events_command(q.common, q.name, q.follow);
  })->add_flag("-f,--follow", p.follow);
  add_reader("diff", "Show what a run changed", [](Parsed& q) {
    return diff_command(q.common, q.name, q.names_only);
  })->add_flag("--name-only", p.names_only, "Only the paths");
  add_reader("accept", "Take a run's changes over into your folder",
             [](Parsed& q) { return accept_command(q.common, q.name); });
  add_reader("discard", "Throw a run's changes away", [](Parsed& q) { return discard_command(q.common, q.name); });
}

bool knows_command(const CLI::App& app, const std::string& name) {
  return !app.get_subcommands([&](const CLI::App* command) { return command->get_name() == name; }).empty();
}

Error unknown_command(const CLI::App& app, std::string_view name) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  const std::vector<std::string_view> known(names.begin(), names.end());
  const auto near = nearest(name, known);
  return invalid_argument(fmt::format("there is no command '{}'{}; `remit --help` lists them", printable(name, 80),
                                      near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

}  // namespace

// `remit run … -- CMD ARGS`: what stands behind the first "--" is the agent's, word for word.
static std::vector<std::string> take_command(int& argc, char** argv) {
  bool is_run = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    is_run = is_run || word == "run";
    if (word != "--" || !is_run) continue;
    std::vector<std::string> command(argv + i + 1, argv + argc);
    argc = i;
    return command;
  }
  return {};
}

int main(int argc, char** argv) {
  CLI::App app("Remit: the agent runtime that keeps autonomous work within its mission");
  Parsed parsed;
  parsed.run.command.command = take_command(argc, argv);
  app.require_subcommand(1);
  app.add_option("--log", parsed.log_level, "debug, info, warn, error or off")->each([](const std::string& level) {
    log::configure(level);
  });
  app.add_subcommand("version", "Print the version")->callback([&parsed] {
    std::printf("remit %s\n", REMIT_VERSION);
    parsed.code = kOk;
  });
  log::configure("warn");
  add_run_command(add_run(app, parsed), parsed);
  add_serve(app, parsed);
  add_resources(app, parsed);
  add_control(app, parsed);
  add_inspection(app, parsed);
  add(app, parsed, "doctor", "Tell what this machine can isolate and limit",
      [](Parsed& q) { return doctor_command(q.common); });
  if (argc > 1 && argv[1][0] != '-' && !knows_command(app, argv[1])) return report(unknown_command(app, argv[1]));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  return parsed.code;
}

}  // namespace remit::cli

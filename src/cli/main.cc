// The only file that includes CLI11, which is slow to compile.
#include "cli/main.h"

#include <CLI/CLI.hpp>

#include "base/log.h"
#include "cli/exit_code.h"
#include "cli/run_command.h"

namespace remit::cli {

namespace {

int chosen = kUsage;

void add_version(CLI::App& app) {
  auto* command = app.add_subcommand("version", "Print the version");
  command->callback([] {
    std::printf("remit %s\n", REMIT_VERSION);
    chosen = kOk;
  });
}

void add_run(CLI::App& app) {
  static RunFlags flags;
  auto* command = app.add_subcommand("run", "Take an agent to its goal and show how: remit run mission.yaml, or remit run -- COMMAND …");
  command->add_option("file", flags.file, "Manifest with one Mission")->option_text("FILE");
  command->add_option("-n,--namespace", flags.ns, "Namespace of objects that name none");
  command->add_option("--data", flags.data, "Data folder (default: $REMIT_DATA, else ~/.local/state/remit)");
  command->add_flag("--live", flags.live, "Use a real model from the environment: OPENAI_API_KEY, ANTHROPIC_API_KEY or REMIT_MODEL_URL");
  command->add_option("--record", flags.record, "With --live: write the model's turns to this file");
  command->add_flag("--refresh-recording", flags.refresh_recording, "Keep the recording's answers, rewrite the requests they belong to");
  command->add_option("--budget", flags.budget, "Dollars this run may cost, instead of the mission's");
  static const std::map<std::string, OutputFormat> formats{{"text", OutputFormat::kText}, {"json", OutputFormat::kJson}, {"jsonl", OutputFormat::kJsonLines}};
  command->add_option("-o,--output", flags.output, "text, json (one object at the end) or jsonl (the run log as it grows)")
      ->transform(CLI::CheckedTransformer(formats).description("text|json|jsonl"));
  static std::string on_ask = "wait";
  command->add_option("--on-ask", on_ask, "What to do when the mission asks a human: wait or reject")->check(CLI::IsMember({"wait", "reject"}));
  command->callback([] {
    flags.reject_asks = on_ask == "reject";
    chosen = run_command(flags);
  });
}

}  // namespace

int main(int argc, char** argv) {
  log::configure("warn");
  CLI::App app("Remit: the agent runtime that keeps autonomous work within its mission");
  app.require_subcommand(1);
  add_version(app);
  add_run(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? kOk : kUsage;
  }
  return chosen;
}

}  // namespace remit::cli

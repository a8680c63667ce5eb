// `remit run`: takes an agent to its goal, in this process, and shows how.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace remit::cli {

enum class OutputFormat { kText, kJson, kJsonLines, kYaml };

struct RunFlags {
  std::string file;                  // A manifest; "" with a command.
  std::vector<std::string> command;  // After "--".
  std::string ns = "default";
  std::string data;                  // Data folder; "" for the default.
  OutputFormat output = OutputFormat::kText;
  bool live = false;
  std::string record;
  bool refresh_recording = false;
  bool reject_asks = false;
  std::string budget;                // Dollars; overrides the mission's.
};

int run_command(const RunFlags& flags);

}  // namespace remit::cli

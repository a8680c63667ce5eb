// `remit run`: takes an agent to its goal, in this process, and shows how.
#pragma once

#include <string>
#include <vector>

#include "base/ulid.h"
#include "cli/session.h"

namespace remit::cli {

struct RunFlags {
  std::string file;                  // A manifest; "" with a command.
  std::vector<std::string> command;  // After "--".
  CommonFlags common;
  bool live = false;
  std::string record;
  bool refresh_recording = false;
  bool reject_asks = false;
  std::string budget;                // Dollars; overrides the mission's.
};

int run_command(const RunFlags& flags);
// Takes up a run whose process died, in this process.
int resume_run(const CommonFlags& flags, Ulid run);

}  // namespace remit::cli

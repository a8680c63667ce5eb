// `remit run`: takes an agent to its goal, in this process, and shows how.
#pragma once

#include <string>
#include <vector>

#include "base/ulid.h"
#include "cli/command_mission.h"
#include "cli/session.h"

namespace remit::cli {

struct RunFlags {
  std::string file;             // A manifest; "" with a command.
  CommandMissionFlags command;  // With "-- CMD"; its `budget` and `live` also count for a manifest.
  bool dry_run = false;
  CommonFlags common;
  std::string record;
  bool refresh_recording = false;
  bool reject_asks = false;
};

int run_command(const RunFlags& flags);
// Takes up a run whose process died, in this process.
int resume_run(const CommonFlags& flags, Ulid run);

}  // namespace remit::cli

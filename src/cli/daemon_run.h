// `remit run FILE` when a daemon holds the data folder: hands it the mission and shows the run from its log.
#pragma once

#include "cli/run_command.h"

namespace remit::cli {

// Whether the daemon of this data folder can do what the flags ask for. Live models, recordings and --on-ask=reject
// belong to this process: such a run is driven here, beside the daemon, which leaves it alone.
bool daemon_takes(const RunFlags& flags);
int run_through_daemon(const RunFlags& flags);

}  // namespace remit::cli

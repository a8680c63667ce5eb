// Commands that look at a run or a mission and change nothing: why, trace, logs, events, can-i.
#pragma once

#include <cstdint>
#include <string>

#include "cli/session.h"

namespace remit::cli {

int why_command(const CommonFlags& flags, std::uint64_t call, const std::string& run);
int trace_command(const CommonFlags& flags, const std::string& run);
// `follow`: goes on until the run ends.
int logs_command(const CommonFlags& flags, const std::string& run, bool follow);
int events_command(const CommonFlags& flags, const std::string& run, bool follow);
int can_i_command(const CommonFlags& flags, const std::string& file, const std::string& tool,
                  const std::string& arguments);

}  // namespace remit::cli

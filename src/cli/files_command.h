// What becomes of the files that a run changed: diff, accept, discard.
#pragma once

#include <string>

#include "cli/session.h"

namespace remit::cli {

int diff_command(const CommonFlags& flags, const std::string& run, bool names_only);
int accept_command(const CommonFlags& flags, const std::string& run);
int discard_command(const CommonFlags& flags, const std::string& run);

}  // namespace remit::cli

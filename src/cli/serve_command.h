// `remit serve`: the daemon, in this process, until SIGINT or SIGTERM.
#pragma once

#include <string>

#include "cli/session.h"

namespace remit::cli {

int serve_command(const CommonFlags& flags, const std::string& listen, std::size_t runs);

}  // namespace remit::cli

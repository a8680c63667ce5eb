// `remit doctor`: what this machine can do, and what to install or change for the rest.
#pragma once

#include "cli/session.h"

namespace remit::cli {

int doctor_command(const CommonFlags& flags);

}  // namespace remit::cli

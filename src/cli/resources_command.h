// Commands on objects of any kind: apply, get, delete, wait, validate.
#pragma once

#include <string>
#include <vector>

#include "cli/session.h"

namespace remit::cli {

int apply_command(const CommonFlags& flags, const std::vector<std::string>& files);
int get_command(const CommonFlags& flags, const std::string& kind, const std::string& name, bool all_namespaces,
                bool watch);
int delete_command(const CommonFlags& flags, const std::string& kind, const std::string& name);
// Waits until the mission has ended; gives the run's exit code.
int wait_command(const CommonFlags& flags, const std::string& mission, const std::string& timeout);
int validate_command(const CommonFlags& flags, const std::vector<std::string>& files);

}  // namespace remit::cli

// Commands that steer a mission while it runs, wherever it runs: they write what is wanted into its object and whoever
// drives it follows.
#pragma once

#include <string>

#include "cli/session.h"

namespace remit::cli {

// `name` "" with `all`.
int stop_command(const CommonFlags& flags, const std::string& name, bool all);
int pause_command(const CommonFlags& flags, const std::string& name, bool all);
// Continues a paused mission; takes up, in this process, a run whose own process died.
int resume_command(const CommonFlags& flags, const std::string& name, bool all);
int budget_command(const CommonFlags& flags, const std::string& name, const std::string& add_usd, long long add_tokens,
                   long long add_calls, const std::string& add_time);
int answer_command(const CommonFlags& flags, const std::string& approval, bool approve, bool for_run,
                   const std::string& message);

}  // namespace remit::cli

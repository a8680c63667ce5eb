// The daemon's own log, for operators: one line a fact, on standard error. What an agent did goes to the run log
// instead.
#pragma once

#include <spdlog/spdlog.h>

namespace remit::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

// "debug", "info", "warn", "error" or "off". Call once, before threads start.
void configure(std::string_view level);

}  // namespace remit::log

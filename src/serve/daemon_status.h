// What the daemon itself writes into a mission's status; while a run is under way the Run does. Pure functions on the
// typed mission.
#pragma once

#include <string>

#include "base/clock.h"
#include "resource/mission.h"
#include "serve/run_view.h"

namespace remit::serve {

void set_condition(resource::Mission& mission, std::string type, bool holds, std::string reason, std::string message,
                   const Clock& clock);
// No run could begin or go on.
void mark_failed(resource::Mission& mission, std::string reason, std::string message, const Clock& clock);
// Stopped before a run began.
void mark_stopped(resource::Mission& mission, const Clock& clock);
// As the log of its run says.
void mark_ended(resource::Mission& mission, Ulid run, const RunView& view);

resource::Phase phase_of(std::string_view text);

}  // namespace remit::serve

// accept(): carrying a run's plan out in the user's folder.
//
// First every conflict is looked for; with one, nothing happens. Then all new files are staged beside their places
// under temporary names and put on the disk: a full disk changes nothing. Then each is renamed into place. No journal
// is needed: until all is done the run's upper stays, and a second go leaves out what is already as the run wants it
// and uses the same temporary names.
#pragma once

#include "sandbox/workspace/state.h"

namespace remit::sandbox {

Result<AcceptReport> accept_run(WorkspaceState& state);
// After an accept() that a crash interrupted: removes what it staged and did not put in place.
Result<> remove_staged(WorkspaceState& state);

}  // namespace remit::sandbox

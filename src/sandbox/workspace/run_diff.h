// diff() of a run: its plan, with a text for each file.
#pragma once

#include "sandbox/workspace/state.h"

namespace remit::sandbox {

Result<RunDiff> diff_run(const WorkspaceState& state, const DiffOptions& options);
std::string human_size(std::int64_t bytes);  // "12 KiB"

}  // namespace remit::sandbox

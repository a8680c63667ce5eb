// list, read and write of the trusted file tools, on the view of a run. See sandbox/workspace.h for their promises.
#pragma once

#include <string_view>

#include "sandbox/workspace/state.h"

namespace remit::sandbox {

Result<Listing> list_files(const WorkspaceState& state, std::string_view path, ListLimits limits);
Result<FileContent> read_workspace_file(const WorkspaceState& state, std::string_view path, std::size_t max_bytes);
Result<FileChange> write_workspace_file(WorkspaceState& state, std::string_view path, std::string_view bytes);

}  // namespace remit::sandbox

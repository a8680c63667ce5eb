// RunPlan: the steps that turn the user's folder as it is now into what the run made of it. diff() shows it, accept()
// carries it out.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "sandbox/workspace/state.h"

namespace remit::sandbox {

struct PlanStep {
  enum class Kind : std::uint8_t { kPutFile, kPutLink, kMakeFolder, kRemoveFile, kRemoveFolder };
  Kind kind;
  std::string path;
  bool replaces = false;  // Something of the user's is at the path before.
  std::int64_t old_size = 0;
  struct stat now{};  // Of the run's file; for kMakeFolder its mode.
  // A removal of, or in, a folder that the run removed as a whole: something there that the run never saw is a
  // conflict.
  bool in_removed_folder = false;
};

struct RunPlan {
  // In an order that can be carried out: a folder's content is removed before it, a folder is made before its content.
  std::vector<PlanStep> steps;
  std::vector<std::string> kept;     // Folders that stay for the hidden files in them.
  std::vector<std::string> blocked;  // Files that the run put where a folder with hidden files is.
};

// Steps that would change nothing, because the folder already is as the run wants it, are left out.
Result<RunPlan> make_run_plan(const WorkspaceState& state);
// Sorted by path, each path once; folders only when nothing below them is listed.
std::vector<FileChange> changes_of(const RunPlan& plan);

// Whether the user's folder has the run's file or link already: same bytes, mode and type.
Result<bool> already_there(const WorkspaceState& state, const std::string& path, const struct stat& now);

}  // namespace remit::sandbox

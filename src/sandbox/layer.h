// Layer: the files that one command changes. The sandbox mounts it (mount()), the command runs and ends, the pipeline
// judges changes(), and merge() moves what was permitted into the run's upper; the rest is dropped.
//
// Call changes() and merge() only when every process of the sandbox is dead: the walk relies on nobody moving things
// under it, and checks anyway (openat2 beneath the layer, no symbolic or magic links, no other mounts). Crash: the
// folder of a layer outlives the process. After a restart Workspace::finish_layer() redoes a merge from the recorded
// list; doing it once, twice or after a kill at any instant gives the same files. A Layer may be destroyed at any time;
// its folder stays until merge or discard. Thread safety: as Workspace; a Layer keeps its workspace alive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "sandbox/mount_plan.h"

namespace remit::sandbox {

inline constexpr std::size_t kMaxLayerEntries =
    100'000;  // What changes() looks at before it refuses the layer as a whole.
inline constexpr std::size_t kMaxLayerChanges = 20'000;    // What it lists.
inline constexpr std::int64_t kMaxLayerBytes = 4LL << 30;  // Of new and modified files together.
inline constexpr std::size_t kMaxLayerDepth = 64;          // Folders below this are dropped and reported.

class WorkspaceState;

class Layer {
 public:
  const std::string& id() const { return id_; }
  // For Spec::mounts.overlays. The three folders a run sees lie under an upper of the layer's own; marks are
  // user.overlay.* for everyone. The files belong to Workspace::owner(), which is also the identity that a Spec takes
  // by default. A rename of a folder that is not new in the layer answers EXDEV there (redirect_dir is off), and mv(1)
  // copies instead.
  const OverlayPlan& mount() const { return mount_; }

  // What the command changed, sorted by path, each path once. Folders are listed only when nothing below them is (a new
  // or deleted empty folder). A deleted folder is listed as its files; so is a folder replaced by a file. A file whose
  // bytes and mode are what they were is not a change. `permitted` is false, with a reason, for what can never be
  // merged: hidden paths, links that leave the workspace, FIFOs, sockets, devices, names that are not valid UTF-8 or
  // hold control characters (the path is then escaped by printable()), what lies too deep. kResourceExhausted: the
  // layer is over a limit above; nothing of it can be merged.
  Result<std::vector<FileChange>> changes();

  // Moves the changes with `permitted` set into the run's upper, and removes the layer. Gives the list back; a change
  // that could not be merged because of another that was not permitted (a file in the place of a folder that has to
  // stay) comes back with permitted = false and a reason. Set-id bits are stripped.
  Result<std::vector<FileChange>> merge(std::vector<FileChange> changes);

  // Removes the layer. Safe to repeat.
  Result<> discard();

 private:
  friend class Workspace;
  Layer(std::shared_ptr<WorkspaceState> state, std::string id);

  std::shared_ptr<WorkspaceState> state_;
  std::string id_;
  OverlayPlan mount_;
};

}  // namespace remit::sandbox

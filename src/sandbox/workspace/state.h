// WorkspaceState: the open workspace of a run: its folders, rules and fingerprints. Workspace and its layers share one.
// Its members are used under `mutex`; the functions themselves do not lock.
//
// The run's folder:  workspace/meta.json      schema version, the user's folder, when the run began
//                    workspace/upper          what the run changed so far (UpperWriter)
//                    workspace/masks/N        whiteouts over hidden paths (HideMask)
//                    workspace/layers/ID      {upper, work} of one command (Layer)
//                    workspace/temporary      what is being made or removed; emptied on opening
//                    workspace/base.log       fingerprints (BaseLog)
//                    workspace/accepting      present while accept() puts files into the user's folder
//                    workspace/resetting      present while the run's changes are being forgotten; redone on opening
//                    workspace/lock           held while open
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sandbox/workspace.h"
#include "sandbox/workspace/base_log.h"
#include "sandbox/workspace/hide_mask.h"
#include "sandbox/workspace/hide_rules.h"
#include "sandbox/workspace/upper_writer.h"
#include "sandbox/workspace/view.h"

namespace remit::sandbox {

inline constexpr int kWorkspaceVersion = 1;
// How much one merge or write may read to take fingerprints; the rest is told by stat only.
inline constexpr std::int64_t kHashBudgetBytes = 32 << 20;

class WorkspaceState {
 public:
  static Result<std::shared_ptr<WorkspaceState>> open(WorkspaceOptions options);

  View view() const { return {upper.get(), lower.get(), rules}; }
  UpperWriter writer() const;
  Result<> require_writable() const;
  // Records what the user's folder has in these places, once a path, on the disk before it returns.
  Result<> record_base(const std::vector<std::string>& paths);
  // Forgets all changes of the run; `layers_too` for discard().
  Result<> reset(bool layers_too);
  Result<> set_mark(const char* name);
  Result<> clear_mark(const char* name);
  bool has_mark(const char* name) const;
  // Moves folder/name to the temporary folder, where it is gone for everyone, and removes it.
  Result<> remove_aside(int folder, const std::string& name);
  Result<std::size_t> layer_count() const;
  void step(std::string_view name) const {
    if (options.step_hook) options.step_hook(name);
  }

  std::mutex mutex;
  WorkspaceOptions options;
  std::string root;  // run_folder/workspace
  UniqueFd root_fd, upper, lower, layers, masks, temporary, lock;
  HideRules rules;
  std::optional<HideMask> mask;
  BaseLog base;
  std::int64_t began_ns = 0;  // By the clock that stamps files.
  std::pair<uid_t, gid_t> owner{};

 private:
  Result<> check_folders();
  Result<> make_folders();
  Result<> open_folder(UniqueFd& fd, const char* name, mode_t mode);
  Result<> take_lock();
  Result<> load_meta();
  Result<> write_meta();
  Result<> read_meta(const std::string& text);
  Result<> empty_temporary();
};

}  // namespace remit::sandbox

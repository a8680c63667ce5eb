#include "sandbox/layer.h"

#include <fcntl.h>

#include <cerrno>

#include "base/strings.h"
#include "sandbox/workspace/layer_merge.h"
#include "sandbox/workspace/layer_scan.h"
#include "sandbox/workspace/layer_walk.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/state.h"

namespace remit::sandbox {

Layer::Layer(std::shared_ptr<WorkspaceState> state, std::string id) : state_(std::move(state)), id_(std::move(id)) {
  mount_.userxattr = true;
  mount_.upperdir = state_->root + "/layers/" + id_ + "/upper";
  mount_.workdir = state_->root + "/layers/" + id_ + "/work";
}

static Result<UniqueFd> open_upper(const WorkspaceState& state, const std::string& id) {
  UniqueFd layer(open_beneath(state.layers.get(), id, O_RDONLY | O_DIRECTORY));
  if (!layer) return fail(errno_error("open the layer " + id, errno));
  return open_layer_folder(layer.get(), "upper");
}

Result<std::vector<FileChange>> Layer::changes() {
  const std::lock_guard lock(state_->mutex);
  REMIT_TRY(const UniqueFd upper, open_upper(*state_, id_));
  return LayerScan(state_->view(), state_->rules).scan(upper.get());
}

// The list may come from a file that is older than this process: it is checked like any input.
static void check_paths(const HideRules& rules, std::vector<FileChange>& changes) {
  for (auto& change : changes) {
    if (!change.permitted) continue;
    const auto normal = normal_path(change.path);
    if (normal && *normal == change.path && !rules.hidden(change.path)) continue;
    change.permitted = false;
    change.reason = normal ? "hidden by workspace.hide: it cannot be written" : normal.error().message();
  }
}

Result<std::vector<FileChange>> Layer::merge(std::vector<FileChange> changes) {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  check_paths(state_->rules, changes);
  REMIT_TRY(const UniqueFd upper, open_upper(*state_, id_));
  std::vector<std::string> paths;
  for (const auto& change : changes) {
    if (change.permitted) paths.push_back(change.path);
  }
  REMIT_CHECK_OK(state_->record_base(paths));
  LayerMerge merge(state_->view(), state_->writer(), state_->rules, changes);
  if (auto merged = merge.merge(upper.get()); !merged) return fail(merged.error().wrap("merge the layer " + id_));
  state_->step("merged");
  REMIT_CHECK_OK(state_->remove_aside(state_->layers.get(), id_));
  return changes;
}

Result<> Layer::discard() {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  return state_->remove_aside(state_->layers.get(), id_);
}

}  // namespace remit::sandbox

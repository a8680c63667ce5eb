#include "sandbox/workspace.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace/accept.h"
#include "sandbox/workspace/file_tools.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/run_diff.h"
#include "sandbox/workspace/run_plan.h"
#include "sandbox/workspace/state.h"

namespace remit::sandbox {

static constexpr std::size_t kMaxLayerIdBytes = 64;

Workspace::Workspace(std::shared_ptr<WorkspaceState> state) : state_(std::move(state)) {}
Workspace::Workspace(Workspace&&) noexcept = default;
Workspace& Workspace::operator=(Workspace&&) noexcept = default;
Workspace::~Workspace() = default;

Result<Workspace> Workspace::open(WorkspaceOptions options) {
  REMIT_TRY(auto state, WorkspaceState::open(std::move(options)));
  return Workspace(std::move(state));
}

const std::string& Workspace::folder() const { return state_->options.folder; }
std::pair<uid_t, gid_t> Workspace::owner() const { return state_->owner; }
Result<std::string> Workspace::normalise(std::string_view path) {
  REMIT_TRY(auto normal, normal_path(path));
  return normal.empty() ? "." : normal;
}
bool Workspace::hidden(std::string_view normal_path) const { return state_->rules.hidden(normal_path); }

static Result<> check_id(const std::string& id) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (!id.empty() && id.size() <= kMaxLayerIdBytes && id.front() != '.' && std::all_of(id.begin(), id.end(), fits))
    return {};
  return fail(invalid_argument(fmt::format("layer id \"{}\": 1 to {} of [A-Za-z0-9._-], not beginning with a dot",
                                           printable(id, 100), kMaxLayerIdBytes)));
}

// The layer as it is before the command: two empty folders, the upper looking like the workspace itself, whose
// attributes it gives the mount.
static Result<> make_layer(WorkspaceState& state, const std::string& id) {
  struct stat root{};
  if (::fstat(state.lower.get(), &root) != 0) return fail(errno_error("stat the workspace", errno));
  const std::string name = "layer-" + id;
  REMIT_CHECK_OK(remove_tree(state.temporary.get(), name));
  if (::mkdirat(state.temporary.get(), name.c_str(), 0700) != 0)
    return fail(errno_error("make the layer " + id, errno));
  UniqueFd fd(open_beneath(state.temporary.get(), name, O_RDONLY | O_DIRECTORY));
  if (!fd) return fail(errno_error("make the layer " + id, errno));
  for (const char* part : {"upper", "work"}) {
    const mode_t mode = *part == 'u' ? root.st_mode & 0777 : 0700;
    if (::mkdirat(fd.get(), part, 0700) != 0 || ::fchmodat(fd.get(), part, mode, 0) != 0 ||
        (::geteuid() == 0 &&
         ::fchownat(fd.get(), part, state.owner.first, state.owner.second, AT_SYMLINK_NOFOLLOW) != 0)) {
      return fail(errno_error(fmt::format("make the layer {}'s {}", id, part), errno));
    }
  }
  if (::geteuid() == 0 && ::fchown(fd.get(), state.owner.first, state.owner.second) != 0) {
    return fail(errno_error("make the layer " + id, errno));
  }
  if (::renameat2(state.temporary.get(), name.c_str(), state.layers.get(), id.c_str(), RENAME_NOREPLACE) == 0)
    return {};
  const int why = errno;
  REMIT_CHECK_OK(remove_tree(state.temporary.get(), name));
  if (why == EEXIST)
    return fail(Code::kAlreadyExists, fmt::format("there is a layer {} already: finish or discard it", id));
  return fail(errno_error("make the layer " + id, why));
}

Result<Layer> Workspace::begin_layer(std::string id) {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  REMIT_CHECK_OK(check_id(id));
  REMIT_TRY(const auto count, state_->layer_count());
  if (count >= kMaxLayers) {
    return fail(Code::kResourceExhausted,
                fmt::format("{} layers at one time (kMaxLayers): finish or discard some", kMaxLayers));
  }
  REMIT_TRY(const auto mask, state_->mask->refresh(count == 0));
  REMIT_CHECK_OK(make_layer(*state_, id));
  Layer layer(state_, std::move(id));
  layer.mount_.lowerdirs.push_back(state_->root + "/upper");
  if (!mask.empty()) layer.mount_.lowerdirs.push_back(state_->root + "/masks/" + mask);
  layer.mount_.lowerdirs.push_back(state_->options.folder);
  return layer;
}

Result<Layer> Workspace::open_layer(const std::string& id) {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(check_id(id));
  struct stat entry{};
  if (stat_beneath(state_->layers.get(), id, &entry) != 0) return fail(not_found("there is no layer " + id));
  return Layer(state_, id);
}

std::vector<std::string> Workspace::layers() const {
  const std::lock_guard lock(state_->mutex);
  return entry_names(state_->layers.get(), kMaxFolderEntries).value_or(std::vector<std::string>{});
}

Result<std::vector<FileChange>> Workspace::finish_layer(const std::string& id, std::vector<FileChange> changes) {
  auto layer = open_layer(id);
  if (!layer && layer.error().code() == Code::kNotFound) return changes;
  if (!layer) return fail(std::move(layer).error());
  return layer->merge(std::move(changes));
}

Result<Listing> Workspace::list(std::string_view path, ListLimits limits) {
  const std::lock_guard lock(state_->mutex);
  return list_files(*state_, path, limits);
}

Result<FileContent> Workspace::read(std::string_view path, std::size_t max_bytes) {
  const std::lock_guard lock(state_->mutex);
  return read_workspace_file(*state_, path, max_bytes);
}

Result<FileChange> Workspace::write(std::string_view path, std::string_view bytes) {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  return write_workspace_file(*state_, path, bytes);
}

Result<std::vector<FileChange>> Workspace::changes() {
  const std::lock_guard lock(state_->mutex);
  REMIT_TRY(const RunPlan plan, make_run_plan(*state_));
  return changes_of(plan);
}

Result<RunDiff> Workspace::diff(DiffOptions options) {
  const std::lock_guard lock(state_->mutex);
  return diff_run(*state_, options);
}

Result<AcceptReport> Workspace::accept() {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  return accept_run(*state_);
}

Result<> Workspace::discard() {
  const std::lock_guard lock(state_->mutex);
  REMIT_CHECK_OK(state_->require_writable());
  REMIT_CHECK_OK(remove_staged(*state_));
  return state_->reset(true);
}

Result<> Workspace::sync() {
  const std::lock_guard lock(state_->mutex);
  if (::syncfs(state_->root_fd.get()) != 0) return fail(errno_error("sync " + state_->root, errno));
  return {};
}

}  // namespace remit::sandbox

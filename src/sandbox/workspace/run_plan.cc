#include "sandbox/workspace/run_plan.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <map>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

Result<bool> already_there(const WorkspaceState& state, const std::string& path, const struct stat& now) {
  struct stat old{};
  if (stat_beneath(state.lower.get(), path, &old) != 0) return false;
  if ((old.st_mode & S_IFMT) != (now.st_mode & S_IFMT)) return false;
  if (S_ISLNK(now.st_mode)) return target_of_link(state.lower.get(), path) == target_of_link(state.upper.get(), path);
  if (old.st_size != now.st_size || ((old.st_mode ^ now.st_mode) & 0777) != 0) return false;
  UniqueFd theirs(open_beneath(state.lower.get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  UniqueFd ours(open_beneath(state.upper.get(), path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!theirs || !ours) return false;
  return same_bytes(theirs.get(), ours.get());
}

namespace {

class Planner {
 public:
  explicit Planner(const WorkspaceState& state) : state_(&state) {}

  Result<RunPlan> plan() {
    REMIT_CHECK_OK(folder(""));
    return std::move(plan_);
  }

 private:
  using Kind = PlanStep::Kind;

  Result<> add(PlanStep step) {
    if (plan_.steps.size() >= kMaxRunChanges) {
      return fail(Code::kResourceExhausted,
                  fmt::format("the run changed more than {} paths (kMaxRunChanges)", kMaxRunChanges));
    }
    plan_.steps.push_back(std::move(step));
    return {};
  }

  Result<> folder(const std::string& path) {
    UniqueFd fd(open_beneath(state_->upper.get(), path, O_RDONLY | O_DIRECTORY));
    if (!fd) return fail(errno_error("open the run's folder " + printable(path), errno));
    REMIT_TRY(const auto names, entry_names(fd.get(), kMaxFolderEntries));
    for (const auto& name : names) {
      struct stat now{};
      if (::fstatat(fd.get(), name.c_str(), &now, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(errno_error("stat " + printable(name), errno));
      const std::string child = join_path(path, name);
      if (state_->rules.matches(child, name)) continue;
      REMIT_CHECK_OK(entry(child, now));
    }
    return {};
  }

  Result<> entry(const std::string& path, const struct stat& now) {
    struct stat old{};
    const bool there = stat_beneath(state_->lower.get(), path, &old) == 0;
    if (!there && !is_absent_errno(errno) && errno != EXDEV)
      return fail(errno_error("look up " + printable(path), errno));
    if (is_whiteout(now)) return there ? remove(path, old, false) : Result<>{};
    const bool was_folder = there && S_ISDIR(old.st_mode);
    PlanStep step{.kind = Kind::kMakeFolder,
                  .path = path,
                  .replaces = there,
                  .old_size = was_folder || !there ? 0 : old.st_size,
                  .now = now};
    if (S_ISDIR(now.st_mode)) {
      if (there && !was_folder) {
        PlanStep removal = step;
        removal.kind = Kind::kRemoveFile;
        REMIT_CHECK_OK(add(std::move(removal)));
      }
      if (!was_folder) REMIT_CHECK_OK(add(std::move(step)));
      return folder(path);
    }
    if (was_folder) {
      const std::size_t kept = plan_.kept.size();
      REMIT_CHECK_OK(remove(path, old, true));
      if (plan_.kept.size() > kept) plan_.blocked.push_back(path);
    } else {
      REMIT_TRY(const bool done, already_there(*state_, path, now));
      if (done) return {};
    }
    step.kind = S_ISLNK(now.st_mode) ? Kind::kPutLink : Kind::kPutFile;
    return add(std::move(step));
  }

  Result<> remove(const std::string& path, const struct stat& old, bool inside) {
    PlanStep step{.kind = Kind::kRemoveFile,
                  .path = path,
                  .replaces = true,
                  .old_size = old.st_size,
                  .in_removed_folder = inside};
    if (!S_ISDIR(old.st_mode)) return add(std::move(step));
    UniqueFd fd(open_beneath(state_->lower.get(), path, O_RDONLY | O_DIRECTORY));
    if (!fd) return fail(errno_error("open the folder " + printable(path), errno));
    REMIT_TRY(const auto names, entry_names(fd.get(), kMaxFolderEntries));
    bool stays = false;
    for (const auto& name : names) {
      const std::string child = join_path(path, name);
      if (state_->rules.matches(child, name)) {
        stays = true;
        continue;
      }
      struct stat entry{};
      if (stat_beneath(state_->lower.get(), child, &entry) != 0)
        return fail(errno_error("look up " + printable(child), errno));
      const std::size_t kept = plan_.kept.size();
      REMIT_CHECK_OK(remove(child, entry, true));
      stays = stays || plan_.kept.size() > kept;
    }
    if (stays) {
      plan_.kept.push_back(path);
      return {};
    }
    step.kind = Kind::kRemoveFolder;
    step.old_size = 0;
    return add(std::move(step));
  }

  const WorkspaceState* state_;
  RunPlan plan_;
};

}  // namespace

Result<RunPlan> make_run_plan(const WorkspaceState& state) { return Planner(state).plan(); }

std::vector<FileChange> changes_of(const RunPlan& plan) {
  using Kind = PlanStep::Kind;
  std::map<std::string, FileChange> found;
  const auto is_folder = [](const PlanStep& step) {
    return step.kind == Kind::kMakeFolder || step.kind == Kind::kRemoveFolder;
  };
  const auto add = [&](const PlanStep& step) {
    const bool removal = step.kind == Kind::kRemoveFile || step.kind == Kind::kRemoveFolder;
    const auto kind = removal         ? FileChange::Kind::kDeleted
                      : step.replaces ? FileChange::Kind::kModified
                                      : FileChange::Kind::kAdded;
    FileChange change{printable(step.path), kind, 0, true, ""};
    if (step.kind == Kind::kRemoveFile)
      change.size = step.old_size;
    else if (!is_folder(step))
      change.size = step.now.st_size;
    const auto [at, fresh] = found.try_emplace(step.path, change);
    if (fresh) return;
    at->second = std::move(change);
    at->second.kind = FileChange::Kind::kModified;
  };
  for (const auto& step : plan.steps) {
    if (!is_folder(step)) add(step);
  }
  // Deepest first, so that of empty folders in empty folders the innermost is listed.
  std::vector<const PlanStep*> folders;
  for (const auto& step : plan.steps) {
    if (is_folder(step)) folders.push_back(&step);
  }
  std::sort(folders.begin(), folders.end(), [](const auto* a, const auto* b) { return a->path > b->path; });
  for (const auto* step : folders) {
    const auto below = found.lower_bound(step->path + '/');
    if (below != found.end() && below->first.starts_with(step->path + '/')) continue;
    if (step->kind == Kind::kRemoveFolder && found.contains(step->path)) continue;
    add(*step);
  }
  std::vector<FileChange> out;
  for (auto& [path, change] : found) out.push_back(std::move(change));
  return out;
}

}  // namespace remit::sandbox

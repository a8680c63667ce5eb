#include "sandbox/workspace/accept.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/run_plan.h"

namespace remit::sandbox {

namespace {

using Kind = PlanStep::Kind;

constexpr std::size_t kMaxSingleSyncs = 64;

class Accept {
 public:
  Accept(WorkspaceState& state, RunPlan plan) : state_(&state), plan_(std::move(plan)) {}

  Result<AcceptReport> run();
  Result<> remove_staged();

 private:
  std::string conflict(const PlanStep& step);
  std::string conflict_of_entry(const PlanStep& step, const Fingerprint& now);
  std::string staged_name(const PlanStep& step) const;
  std::string stage_folder(const PlanStep& step) const;
  Result<> stage(const PlanStep& step);
  Result<> stage_file(const PlanStep& step, int folder, const std::string& name);
  Result<> give_owner(int folder, const std::string& name, const std::string& path) const;
  Result<> stage_all();
  Result<> commit(const PlanStep& step);
  Result<> commit_put(const PlanStep& step);
  Result<> commit_all();
  Result<> sync_folder_of(const PlanStep& step) const;
  // With many steps one pass over the file system is cheaper than a flush for each.
  bool sync_whole() const { return plan_.steps.size() > kMaxSingleSyncs; }
  Result<> sync_file_system() const;

  WorkspaceState* state_;
  RunPlan plan_;
  AcceptReport report_;
  std::set<std::string> failed_;
};

std::string Accept::conflict_of_entry(const PlanStep& step, const Fingerprint& now) {
  const Fingerprint* base = state_->base.find(step.path);
  const bool absent = now.type == Fingerprint::Type::kAbsent;
  if (base == nullptr) {
    if (absent) return {};
    if (step.in_removed_folder && now.type != Fingerprint::Type::kFolder) {
      return "is in a folder that the run removed, and the run never saw it";
    }
    return now.type != Fingerprint::Type::kFolder && now.ctime_ns > state_->began_ns
               ? "changed in your folder since the run began"
               : "";
  }
  if (base->type == Fingerprint::Type::kAbsent)
    return absent ? "" : "was made in your folder too, with another content";
  if (base->type == Fingerprint::Type::kFolder) {
    return now.type == Fingerprint::Type::kFolder || absent ? ""
                                                            : "was a folder when the run changed it and is none now";
  }
  if (absent) return step.kind == Kind::kRemoveFile ? "" : "was removed from your folder, while the run changed it";
  if (base->late) return "changed in your folder after the run began, before the run changed it";
  if (base->same_stat(now)) return {};
  const bool same_bytes = base->type == now.type && !base->sha256.empty() && base->sha256 == now.sha256;
  return same_bytes ? "" : "changed in your folder since the run changed it";
}

// Why the step cannot be taken, "" when it can.
std::string Accept::conflict(const PlanStep& step) {
  const std::string parent = parent_of(step.path);
  struct stat entry{};
  if (stat_beneath(state_->lower.get(), parent, &entry) != 0 && errno != ENOENT) {
    // A file in the way that the plan itself removes first is fine.
    const auto clears = [&](const PlanStep& other) {
      return other.kind == Kind::kRemoveFile && step.path.starts_with(other.path + "/");
    };
    if (std::none_of(plan_.steps.begin(), plan_.steps.end(), clears)) {
      return "the folder it is in is no folder any more, or another mount";
    }
  }
  if (step.kind == Kind::kRemoveFolder) return {};
  std::int64_t budget = kHashFileBytes;
  const Fingerprint now = take_fingerprint(state_->lower.get(), step.path, budget);
  if (step.kind == Kind::kMakeFolder) {
    if (now.type == Fingerprint::Type::kFolder || now.type == Fingerprint::Type::kAbsent || step.replaces) return {};
    return "was made in your folder too, and not as a folder";
  }
  return conflict_of_entry(step, now);
}

// The same for the same run and path, so that a second go finds what the first left.
std::string Accept::staged_name(const PlanStep& step) const {
  return ".remit-" + sha256_hex(state_->root + '\0' + step.path).substr(0, 20);
}

// The nearest folder above that is there already: on the same file system, so that a rename puts the file in place.
std::string Accept::stage_folder(const PlanStep& step) const {
  std::string folder = parent_of(step.path);
  struct stat entry{};
  while (!folder.empty() && (stat_beneath(state_->lower.get(), folder, &entry) != 0 || !S_ISDIR(entry.st_mode))) {
    folder = parent_of(folder);
  }
  return folder;
}

// As root, new files belong to whom the old one did, or the folder.
Result<> Accept::give_owner(int folder, const std::string& name, const std::string& path) const {
  if (::geteuid() != 0) return {};
  struct stat like{};
  if (stat_beneath(state_->lower.get(), path, &like) != 0 && ::fstat(folder, &like) != 0)
    return fail(errno_error("stat", errno));
  if (::fchownat(folder, name.c_str(), like.st_uid, like.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(errno_error("chown", errno));
  return {};
}

Result<> Accept::stage_file(const PlanStep& step, int folder, const std::string& name) {
  UniqueFd from(open_beneath(state_->upper.get(), step.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (!from) return fail(errno_error("open the run's file", errno));
  UniqueFd to(open_beneath(folder, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
  if (!to) return fail(errno_error("make a temporary file", errno));
  REMIT_CHECK_OK(copy_bytes(from.get(), to.get()));
  REMIT_CHECK_OK(give_owner(folder, name, step.path));
  if (::fchmod(to.get(), step.now.st_mode & 0777) != 0) return fail(errno_error("chmod", errno));
  if (!sync_whole() && ::fsync(to.get()) != 0) return fail(errno_error("fsync", errno));
  return {};
}

Result<> Accept::sync_file_system() const {
  if (::syncfs(state_->lower.get()) == 0) return {};
  return fail(errno_error("sync " + printable(state_->options.folder), errno));
}

Result<> Accept::sync_folder_of(const PlanStep& step) const {
  UniqueFd folder(open_beneath(state_->lower.get(), parent_of(step.path), O_RDONLY | O_DIRECTORY));
  // A removed folder's own entry is in the folder above it, which is another step.
  if (!folder)
    return is_absent_errno(errno) ? Result<>{} : fail(errno_error("open the folder of " + printable(step.path), errno));
  if (::fsync(folder.get()) != 0) return fail(errno_error("fsync the folder of " + printable(step.path), errno));
  return {};
}

Result<> Accept::stage(const PlanStep& step) {
  if (step.kind != Kind::kPutFile && step.kind != Kind::kPutLink) return {};
  UniqueFd folder(open_beneath(state_->lower.get(), stage_folder(step), O_RDONLY | O_DIRECTORY));
  if (!folder) return fail(errno_error("open the folder", errno));
  const std::string name = staged_name(step);
  if (::unlinkat(folder.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail(errno_error("remove a temporary file", errno));
  state_->step("stage");
  if (step.kind == Kind::kPutFile) return stage_file(step, folder.get(), name);
  const std::string target = target_of_link(state_->upper.get(), step.path);
  if (::symlinkat(target.c_str(), folder.get(), name.c_str()) != 0) return fail(errno_error("make a link", errno));
  return give_owner(folder.get(), name, step.path);
}

Result<> Accept::stage_all() {
  for (const auto& step : plan_.steps) {
    auto staged = stage(step);
    if (staged) continue;
    REMIT_CHECK_OK(remove_staged());
    return fail(staged.error().wrap(fmt::format("accept {} (your folder is as it was)", printable(step.path))));
  }
  state_->step("staged");
  return sync_whole() ? sync_file_system() : Result<>{};
}

Result<> Accept::remove_staged() {
  for (const auto& step : plan_.steps) {
    if (step.kind != Kind::kPutFile && step.kind != Kind::kPutLink) continue;
    // It may have been staged when fewer folders were there.
    for (std::string folder = parent_of(step.path);; folder = parent_of(folder)) {
      UniqueFd fd(open_beneath(state_->lower.get(), folder, O_RDONLY | O_DIRECTORY));
      if (fd) ::unlinkat(fd.get(), staged_name(step).c_str(), 0);
      if (folder.empty()) break;
    }
  }
  return {};
}

Result<> Accept::commit_put(const PlanStep& step) {
  UniqueFd from(open_beneath(state_->lower.get(), stage_folder(step), O_RDONLY | O_DIRECTORY));
  const std::string name = staged_name(step);
  // The folder may have been made since: then the file waits further up.
  std::string folder = parent_of(step.path);
  struct stat entry{};
  while (from && ::fstatat(from.get(), name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0 && !folder.empty()) {
    folder = parent_of(folder);
    from.reset(open_beneath(state_->lower.get(), folder, O_RDONLY | O_DIRECTORY));
  }
  if (!from) return fail(errno_error("open the folder", errno));
  REMIT_TRY(const auto parent, open_parent(state_->lower.get(), step.path));
  state_->step("commit");
  if (::renameat(from.get(), name.c_str(), parent.fd.get(), parent.name.c_str()) != 0)
    return fail(errno_error("rename", errno));
  return {};
}

Result<> Accept::commit(const PlanStep& step) {
  if (step.kind == Kind::kPutFile || step.kind == Kind::kPutLink) return commit_put(step);
  auto parent = open_parent(state_->lower.get(), step.path);
  const bool removal = step.kind != Kind::kMakeFolder;
  if (!parent && removal && parent.error().code() == Code::kNotFound) return {};
  if (!parent) return fail(std::move(parent).error());
  state_->step("commit");
  if (!removal) {
    if (::mkdirat(parent->fd.get(), parent->name.c_str(), 0700) != 0) {
      return errno == EEXIST ? Result<>{} : fail(errno_error("mkdir", errno));
    }
    REMIT_CHECK_OK(give_owner(parent->fd.get(), parent->name, parent_of(step.path)));
    if (::fchmodat(parent->fd.get(), parent->name.c_str(), step.now.st_mode & 0777, 0) != 0)
      return fail(errno_error("chmod", errno));
    return {};
  }
  const int flags = step.kind == Kind::kRemoveFolder ? AT_REMOVEDIR : 0;
  if (::unlinkat(parent->fd.get(), parent->name.c_str(), flags) != 0 && errno != ENOENT)
    return fail(errno_error("remove", errno));
  return {};
}

Result<> Accept::commit_all() {
  for (const auto& step : plan_.steps) {
    // Once more, right before: the user may have saved a file while others were staged.
    std::string why = conflict(step);
    if (why.empty()) {
      auto done = commit(step);
      if (!done) why = done.error().to_string();
    }
    if (why.empty()) continue;
    failed_.insert(printable(step.path));
    report_.conflicts.push_back({printable(step.path), std::move(why)});
  }
  state_->step("committed");
  if (sync_whole()) return sync_file_system();
  std::set<std::string> synced;
  for (const auto& step : plan_.steps) {
    if (synced.insert(parent_of(step.path)).second) REMIT_CHECK_OK(sync_folder_of(step));
  }
  return {};
}

Result<AcceptReport> Accept::run() {
  report_.kept.reserve(plan_.kept.size());
  for (const auto& path : plan_.kept) report_.kept.push_back(printable(path));
  for (const auto& path : plan_.blocked) {
    report_.conflicts.push_back(
        {printable(path), "is a folder with hidden files in it, which the run replaced by a file"});
  }
  for (const auto& step : plan_.steps) {
    if (auto why = conflict(step); !why.empty()) report_.conflicts.push_back({printable(step.path), std::move(why)});
  }
  if (!report_.conflicts.empty()) return std::move(report_);
  if (!plan_.steps.empty()) {
    // An earlier go may have staged files where this one would not look for them.
    if (state_->has_mark("accepting")) REMIT_CHECK_OK(remove_staged());
    REMIT_CHECK_OK(state_->set_mark("accepting"));
    REMIT_CHECK_OK(stage_all());
    REMIT_CHECK_OK(commit_all());
  }
  for (auto& change : changes_of(plan_)) {
    if (!failed_.contains(change.path)) report_.applied.push_back(std::move(change));
  }
  if (!report_.conflicts.empty()) {
    REMIT_CHECK_OK(remove_staged());
    return std::move(report_);
  }
  REMIT_CHECK_OK(state_->reset(false));
  return std::move(report_);
}

}  // namespace

Result<AcceptReport> accept_run(WorkspaceState& state) {
  REMIT_TRY(const auto changed, entry_names(state.upper.get(), kMaxFolderEntries));
  if (changed.empty() && state.base.empty()) return AcceptReport{};
  REMIT_TRY(RunPlan plan, make_run_plan(state));
  return Accept(state, std::move(plan)).run();
}

Result<> remove_staged(WorkspaceState& state) {
  if (!state.has_mark("accepting")) return {};
  REMIT_TRY(RunPlan plan, make_run_plan(state));
  return Accept(state, std::move(plan)).remove_staged();
}

}  // namespace remit::sandbox

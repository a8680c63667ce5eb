#include "cli/files_command.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "cli/exit_code.h"
#include "sandbox/workspace.h"

namespace remit::cli {

namespace {

Result<sandbox::Workspace> open_workspace(Session& session, const FoundRun& found, bool inspect_only) {
  sandbox::WorkspaceOptions options;
  options.folder = found.workspace_folder;
  options.run_folder = session.folder().run_path(found.id);
  options.hide = found.hide;
  options.inspect_only = inspect_only;
  return sandbox::Workspace::open(std::move(options));
}

const char* mark(FileChange::Kind kind) {
  return kind == FileChange::Kind::kAdded ? "+" : kind == FileChange::Kind::kDeleted ? "-" : "~";
}

Task<Result<int>> diff(Session& session, std::string run, bool names_only) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  REMIT_CO_TRY(auto workspace, open_workspace(session, found, true));
  REMIT_CO_TRY(const auto diff, workspace.diff({}));
  if (session.flags().output != OutputFormat::kText) {
    json::array files;
    for (const auto& file : diff.files) {
      auto object = to_json_object(file.change);
      object["oldSize"] = file.old_size, object["binary"] = file.binary, object["diff"] = file.text;
      files.push_back(std::move(object));
    }
    print_object(
        json::object{{"runId", found.id.to_string()}, {"files", std::move(files)}, {"truncated", diff.truncated}},
        session.flags().output);
    co_return kOk;
  }
  if (diff.files.empty())
    fmt::print("run {} changed no file of {}\n", found.id.to_string(), printable(found.workspace_folder));
  for (const auto& file : diff.files) {
    fmt::print("{} {}", mark(file.change.kind), printable(file.change.path));
    fmt::print("{}\n", file.change.kind == FileChange::Kind::kDeleted
                           ? ""
                           : fmt::format("  {} bytes", with_thousands(std::uint64_t(file.change.size))));
    if (!names_only && !file.text.empty()) fmt::print("{}{}", file.text, file.text.ends_with('\n') ? "" : "\n");
  }
  if (diff.truncated) fmt::print("(some texts were left out for their size)\n");
  co_return kOk;
}

Result<> refuse_live_run(Session& session, const FoundRun& found, const char* verb) {
  REMIT_TRY(const auto pid, session.folder().run_pid(found.id));
  if (!pid) return {};
  return fail(Code::kFailedPrecondition,
              fmt::format("run {} is still at work (process {}); `remit stop {}` it before you {} its files",
                          found.id.to_string(), *pid, found.mission, verb));
}

Task<Result<int>> accept(Session& session, std::string run) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  REMIT_CO_CHECK_OK(refuse_live_run(session, found, "accept"));
  REMIT_CO_TRY(auto workspace, open_workspace(session, found, false));
  REMIT_CO_TRY(const auto accepted, workspace.accept());
  if (!accepted.conflicts.empty()) {
    std::string text =
        fmt::format("{} changed since the run saw it, so nothing was taken over:", printable(found.workspace_folder));
    for (const auto& conflict : accepted.conflicts)
      text += fmt::format("\n  {}: {}", printable(conflict.path), conflict.reason);
    co_return fail(Code::kConflict,
                   text + "\nkeep yours with `remit discard`, or move these files away and accept again");
  }
  for (const auto& change : accepted.applied) fmt::print("{} {}\n", mark(change.kind), printable(change.path));
  for (const auto& kept : accepted.kept) fmt::print("kept {}: hidden files are in it\n", printable(kept));
  if (accepted.applied.empty()) {
    fmt::print("nothing to accept: run {} has no changes that wait\n", found.id.to_string());
  } else {
    fmt::print("accepted {} file{} into {}\n", accepted.applied.size(), accepted.applied.size() == 1 ? "" : "s",
               printable(found.workspace_folder));
  }
  co_return kOk;
}

Task<Result<int>> discard(Session& session, std::string run) {
  REMIT_CO_TRY(const auto found, session.find_run(run));
  REMIT_CO_CHECK_OK(refuse_live_run(session, found, "discard"));
  REMIT_CO_TRY(auto workspace, open_workspace(session, found, false));
  REMIT_CO_TRY(const auto changes, workspace.changes());
  REMIT_CO_CHECK_OK(workspace.discard());
  fmt::print("discarded {} changed file{} of run {}; {} is as it was\n", changes.size(), changes.size() == 1 ? "" : "s",
             found.id.to_string(), printable(found.workspace_folder));
  co_return kOk;
}

}  // namespace

int diff_command(const CommonFlags& flags, const std::string& run, bool names_only) {
  return in_session(flags, [=](Session& session) { return diff(session, run, names_only); });
}

int accept_command(const CommonFlags& flags, const std::string& run) {
  return in_session(flags, [=](Session& session) { return accept(session, run); });
}

int discard_command(const CommonFlags& flags, const std::string& run) {
  return in_session(flags, [=](Session& session) { return discard(session, run); });
}

}  // namespace remit::cli

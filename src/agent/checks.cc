#include "agent/checks.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/blocking.h"
#include "base/file.h"
#include "base/strings.h"

namespace remit::agent {

namespace {

constexpr const char* kTarget = "/work";
constexpr const char* kPinList = "/pinned.json";

// The words of a command that are regular files of the workspace.
Result<std::vector<std::string>> named_files(const CheckSpec& spec, const std::string& workspace_folder) {
  std::vector<std::string> paths;
  for (const auto& word : spec.command) {
    const auto normal = sandbox::Workspace::normalise(word);
    if (!normal) continue;
    std::error_code error;
    const auto status = std::filesystem::symlink_status(workspace_folder + "/" + *normal, error);
    if (std::filesystem::is_symlink(status)) {
      return fail(Code::kFailedPrecondition,
                  fmt::format("check {}: {} is a symbolic link and cannot be pinned; name the file itself", spec.name,
                              *normal));
    }
    if (std::filesystem::is_regular_file(status)) paths.push_back(*normal);
  }
  return paths;
}

Task<std::string> read_all(sandbox::Process& process) {
  std::string text;
  while (auto output = co_await process.next_output()) {
    text += output->bytes;
    if (text.size() > 2 * kCheckOutputBytes) text.erase(0, text.size() - kCheckOutputBytes);
  }
  if (text.size() > kCheckOutputBytes) text.erase(0, text.size() - kCheckOutputBytes);
  co_return to_valid_utf8(text);
}

}  // namespace

Result<Checks> Checks::pin(std::vector<CheckSpec> specs, const std::string& workspace_folder, const std::string& folder,
                           bool fresh) {
  Checks checks;
  checks.specs_ = std::move(specs);
  if (fresh) {
    REMIT_CHECK_OK(checks.pin_from(workspace_folder, folder));
  } else {
    REMIT_CHECK_OK(checks.load_from(folder));
  }
  return checks;
}

Result<> Checks::pin_from(const std::string& workspace_folder, const std::string& folder) {
  REMIT_CHECK_OK(make_directories(folder));
  json::array list;
  for (const auto& spec : specs_) {
    REMIT_TRY(const auto paths, named_files(spec, workspace_folder));
    for (const auto& path : paths) {
      const auto same = [&](const PinnedFile& file) { return file.path == path; };
      if (std::any_of(pinned_.begin(), pinned_.end(), same)) continue;
      const std::string copy = fmt::format("{}/{}", folder, pinned_.size());
      auto bytes = read_file(workspace_folder + "/" + path, kPinnedFileBytes);
      if (!bytes) return fail(bytes.error().wrap(fmt::format("check {}: {} cannot be pinned", spec.name, path)));
      REMIT_CHECK_OK(write_file_atomic(copy, *bytes, 0555));
      pinned_.push_back({path, copy, sha256_hex(*bytes)});
      list.push_back(json::object{{"path", path}, {"sha256", pinned_.back().sha256}});
    }
  }
  return write_file_atomic(folder + kPinList, to_json(list), 0400);
}

Result<> Checks::load_from(const std::string& folder) {
  REMIT_TRY(const auto text, read_file(folder + kPinList, kPinListBytes));
  REMIT_TRY(const auto list, parse_json(text));
  if (!list.is_array()) return fail(Code::kDataLoss, fmt::format("{}{} is damaged", folder, kPinList));
  for (const auto& entry : list.get_array()) {
    if (!entry.is_object()) return fail(Code::kDataLoss, fmt::format("{}{} is damaged", folder, kPinList));
    PinnedFile file{std::string(get_string(entry.get_object(), "path")), fmt::format("{}/{}", folder, pinned_.size()),
                    std::string(get_string(entry.get_object(), "sha256"))};
    REMIT_TRY(const auto bytes, read_file(file.copy, kPinnedFileBytes));
    if (sha256_hex(bytes) != file.sha256) {
      return fail(Code::kDataLoss,
                  fmt::format("the pinned copy of {} at {} was changed; begin a new run", file.path, file.copy));
    }
    pinned_.push_back(std::move(file));
  }
  return {};
}

Task<std::vector<CheckResult>> Checks::run(sandbox::Launcher& launcher, sandbox::Workspace& workspace,
                                           asio::thread_pool& file_pool, sandbox::Limits limits) const {
  std::vector<CheckResult> results;
  for (const auto& spec : specs_) results.push_back(co_await run_one(spec, launcher, workspace, file_pool, limits));
  co_return results;
}

Task<CheckResult> Checks::run_one(CheckSpec check, sandbox::Launcher& launcher, sandbox::Workspace& workspace,
                                  asio::thread_pool& file_pool, sandbox::Limits limits) const {
  CheckResult result{check.name, false, "", 0};
  const std::string id = "check-" + check.name;
  auto layer = co_await run_blocking(file_pool, [&workspace, id] {
    // A layer of this name is left from a crash in the middle of this check.
    if (auto old = workspace.open_layer(id)) (void)old->discard();
    return workspace.begin_layer(id);
  });
  if (!layer) {
    result.output = layer.error().to_string();
    co_return result;
  }
  sandbox::Spec spec;
  spec.argv = check.command;
  // The workspace is not on Python's import path: an agent could shadow a standard module there.
  spec.env = {"PYTHONSAFEPATH=1", "PYTHONDONTWRITEBYTECODE=1"};
  spec.cwd = kTarget;
  spec.mounts.overlays.push_back(layer->mount());
  spec.mounts.overlays.back().target = kTarget;
  for (const auto& file : pinned_) spec.mounts.binds.push_back({file.copy, fmt::format("{}/{}", kTarget, file.path)});
  const auto [uid, gid] = workspace.owner();
  spec.identity = sandbox::Identity{uid, gid};
  spec.limits = limits;
  spec.limits.wall_time = check.timeout;
  auto process = co_await launcher.start(std::move(spec));
  if (process) {
    result.output = co_await read_all(**process);
    const auto report = co_await (*process)->wait();
    result.passed = report.ended_by == sandbox::EndedBy::kExit && report.exit_code == 0;
    result.duration_ms = report.run_us / 1000;
    if (report.ended_by != sandbox::EndedBy::kExit) {
      result.output += fmt::format("\n[ended by {}: {}]", to_string(report.ended_by), report.detail);
    }
  } else {
    result.output = process.error().to_string();
  }
  auto shared = std::make_shared<sandbox::Layer>(std::move(*layer));
  co_await run_blocking(file_pool, [shared] { return shared->discard(); });
  co_return result;
}

}  // namespace remit::agent

#include "cli/run_manifest.h"

#include <fmt/format.h>

#include "cli/apply.h"
#include "cli/exit_code.h"
#include "core/money.h"
#include "serve/from_mission.h"

namespace remit::cli {

namespace {

Result<resource::LoadedObject> take_mission(std::vector<resource::LoadedObject>& objects, const std::string& file) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (objects[i].object.kind() != resource::Mission::kKind) continue;
    if (found) return fail(invalid_argument(fmt::format("{} holds several missions; `remit run` takes one", file)));
    found = i;
  }
  if (!found) return fail(invalid_argument(fmt::format("{} holds no Mission", file)));
  auto mission = std::move(objects[*found]);
  objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(*found));
  return mission;
}

// Where the recorded answers come from, for the first line.
std::string recording_of(const std::vector<resource::LoadedObject>& objects, const RunFlags& flags) {
  if (flags.command.live) return "";
  for (const auto& each : objects) {
    const auto* spec = each.object.find_spec();
    const auto* recorded = spec ? find_object(*spec, "recorded") : nullptr;
    if (recorded)
      return serve::resolve_path(std::string(get_string(*recorded, "path")),
                                 flags.file.substr(0, flags.file.find_last_of('/') + 1));
  }
  return "";
}

}  // namespace

Result<RunManifest> run_manifest_of(std::vector<resource::LoadedObject> objects, const RunFlags& flags) {
  RunManifest manifest;
  manifest.others = std::move(objects);
  REMIT_TRY(manifest.mission, take_mission(manifest.others, flags.file));
  manifest.recording = recording_of(manifest.others, flags);
  // The mission of a command has been made with its budget.
  if (flags.command.budget.empty() || !flags.command.command.empty()) return manifest;
  REMIT_TRY(const auto limit, parse_usd(flags.command.budget));
  auto& spec = manifest.mission.object.spec();
  if (!find_object(spec, "budget")) spec["budget"] = json::object();
  spec["budget"].as_object()["costUSD"] = to_usd(limit);
  return manifest;
}

Result<RunManifest> load_run_manifest(const RunFlags& flags) {
  REMIT_TRY(auto objects, load_objects(flags.file, flags.common.ns));
  return run_manifest_of(std::move(objects), flags);
}

int exit_code_of(const serve::RunView& view) {
  if (!view.ended()) return kInternal;
  if (view.ended()->goal_met) return kOk;
  if (view.ended()->phase == "Stopped") return kStopped;
  return view.ended()->reason == "BudgetExhausted" ? kBudgetExhausted : kGoalNotMet;
}

}  // namespace remit::cli

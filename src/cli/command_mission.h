// CommandMission: what `remit run … -- CMD` says in flags, as objects: a Mission, and with --live a ModelProvider. They
// are what a manifest would hold, so that `--dry-run -o yaml` prints a manifest that does the same. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/manifest.h"
#include "serve/from_mission.h"

namespace remit::cli {

struct CommandMissionFlags {
  std::vector<std::string> command;
  std::string goal, dir, name, model, tier;
  std::string budget;  // Dollars.
  std::optional<std::int64_t> tokens, calls;
  std::string time;
  std::vector<std::string> allow, ask;  // "TOOL_GLOB" or "TOOL_GLOB=CEL".
  std::vector<std::string> write, hide, egress, check;
  bool live = false;

  // Whether any flag stands that a manifest would say instead.
  bool shapes_mission() const;
};

inline constexpr const char* kDefaultBudgetUsd = "1.00";  // When no flag names a limit.
inline constexpr const char* kDefaultActiveTime = "1h";   // Unless --time says otherwise.

// `folder`: where the user stands. `suffix`: makes the name of a nameless mission its own. Errors name the flag.
Result<std::vector<json::object>> command_mission(const CommandMissionFlags& flags, const std::string& ns,
                                                  const std::string& folder, const std::string& suffix,
                                                  const serve::EnvironmentGetter& environment);
// The objects checked and with their defaults.
Result<std::vector<resource::LoadedObject>> load_command_mission(const std::vector<json::object>& objects);
// As one YAML file.
std::string to_manifest(const std::vector<json::object>& objects);

}  // namespace remit::cli

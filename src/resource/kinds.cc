#include "resource/kinds.h"

#include <array>

#include "base/strings.h"

namespace remit::resource {

static constexpr std::array<KindInfo, 6> kKinds = {{
    {"Mission", "missions", "mission", "mis", true, "What an agent is sent to do, with what, and within which bounds."},
    {"MissionClass", "missionclasses", "missionclass", "misc", false,
     "What a platform grants to missions at the most."},
    {"Budget", "budgets", "budget", "bud", true, "An account that missions draw on."},
    {"ToolServer", "toolservers", "toolserver", "tools", true,
     "Tools, what each does to the world, and where they are reached."},
    {"ModelProvider", "modelproviders", "modelprovider", "models", true,
     "Where models are reached, with which key, and what they cost."},
    {"Approval", "approvals", "approval", "appr", true, "A question to a human about one action, and the answer."},
}};

std::span<const KindInfo> kinds() { return kKinds; }

const KindInfo* find_kind(std::string_view name) {
  const std::string lowered = to_lower(name);
  for (const auto& info : kKinds) {
    if (lowered == info.singular || lowered == info.plural || lowered == info.short_name) return &info;
  }
  return nullptr;
}

std::span<const std::string_view> kind_names() {
  static constexpr std::array<std::string_view, 6> kNames = {"Mission",    "MissionClass",  "Budget",
                                                             "ToolServer", "ModelProvider", "Approval"};
  return kNames;
}

}  // namespace remit::resource

// MissionClass: what a platform grants to missions at the most, and which Kubernetes RuntimeClass gives which tier. It
// has no namespace.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "resource/mission.h"

namespace remit::resource {

struct TierRuntime {
  Tier tier = Tier::kGVisor;
  std::string runtime_class_name;
  friend bool operator==(const TierRuntime&, const TierRuntime&) = default;
};

struct MissionClassSpec {
  std::optional<BudgetLimits> max_budget;
  std::optional<Tier> minimum_tier;  // A mission that asks for less is refused.
  std::vector<TierRuntime> runtimes;
  friend bool operator==(const MissionClassSpec&, const MissionClassSpec&) = default;
};

struct MissionClassStatus {
  std::vector<Condition> conditions;
  friend bool operator==(const MissionClassStatus&, const MissionClassStatus&) = default;
};

struct MissionClass {
  static constexpr std::string_view kKind = "MissionClass";
  ObjectMeta metadata;
  MissionClassSpec spec;
  MissionClassStatus status;
  friend bool operator==(const MissionClass&, const MissionClass&) = default;
};

}  // namespace remit::resource

// Budget: the account of a namespace (or a part of it) that missions draw on.
#pragma once

#include <cstdint>
#include <vector>

#include "resource/mission.h"

namespace remit::resource {

struct BudgetSpec {
  BudgetLimits limits;  // Its members stand directly in `spec` on the wire.
  friend bool operator==(const BudgetSpec&, const BudgetSpec&) = default;
};

struct BudgetSpent {
  std::int64_t cost_micro_usd = 0;
  std::int64_t tokens = 0;
  std::int64_t calls = 0;
  Duration active_duration{0};
  friend bool operator==(const BudgetSpent&, const BudgetSpent&) = default;
};

struct BudgetStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  BudgetSpent spent;
  BudgetSpent reserved;
  friend bool operator==(const BudgetStatus&, const BudgetStatus&) = default;
};

struct Budget {
  static constexpr std::string_view kKind = "Budget";
  ObjectMeta metadata;
  BudgetSpec spec;
  BudgetStatus status;
  friend bool operator==(const Budget&, const Budget&) = default;
};

}  // namespace remit::resource

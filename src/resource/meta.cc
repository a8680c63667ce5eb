#include "resource/meta.h"

#include <algorithm>

namespace remit::resource {

void set_condition(std::vector<Condition>& conditions, Condition condition, std::string now_rfc3339) {
  const auto old = std::ranges::find(conditions, condition.type, &Condition::type);
  const bool same = old != conditions.end() && old->status == condition.status;
  condition.last_transition_time = same ? old->last_transition_time : std::move(now_rfc3339);
  if (old == conditions.end()) {
    conditions.push_back(std::move(condition));
  } else {
    *old = std::move(condition);
  }
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto found = std::ranges::find(conditions, type, &Condition::type);
  return found == conditions.end() ? nullptr : &*found;
}

}  // namespace remit::resource

// What the mission's own fields say about an action besides its rules: paths, hidden files, write globs, egress,
// models.
#pragma once

#include <optional>
#include <string>

#include "policy/permissions/compiled.h"

namespace remit::policy {

enum class Gate : std::uint8_t { kNone, kEgress, kModel, kWrite, kAgent };

// Which field must permit an action of this kind. kModel, kWrite and kAgent are a permission by themselves;
// kEgress stands beside a rule.
Gate gate_of(const Action& action);

// The denial of the gate, or nothing when it lets the action pass.
std::optional<Verdict> check_gate(const CompiledPermissions& permissions, const Action& action, Gate gate);
// The denial of a path that is hidden or not in its normal form.
std::optional<Verdict> check_paths(const CompiledPermissions& permissions, const Action& action);
// What the passed gate calls itself in an Allow.
Verdict allow_by_gate(const CompiledPermissions& permissions, Gate gate);

}  // namespace remit::policy

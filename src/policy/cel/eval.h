// Evaluates a resolved expression. Errors are values: && and || absorb them when the other side decides, as cel-spec
// says; a limit is never absorbed.
#pragma once

#include <span>
#include <vector>

#include "policy/cel/ast.h"

namespace remit::policy::cel {

// `variables` by the index that resolve() gave. The result may refer to the program and to the variables.
Value evaluate(const Node& root, std::span<const Value> variables, std::uint32_t slots, Meter& meter);

}  // namespace remit::policy::cel

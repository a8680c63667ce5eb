// Gives the names of a parsed expression their meaning: macros are expanded, names bound to variables, locals, types
// and functions. Variables win over types, the longest qualified name wins over shorter ones, and a container's own
// names come first, as the language definition says.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "policy/cel/ast.h"

namespace remit::policy::cel {

struct ResolveOptions {
  std::vector<Variable> variables;
  std::string container;  // Namespace of the expression; conformance tests only.
  // What makes a bad condition (an unknown function, a pattern that is none) becomes an error of evaluation;
  // comparisons with others only.
  bool lenient = false;
};

struct Resolved {
  std::uint32_t slots = 0;             // Locals that an evaluation needs.
  std::vector<std::string> variables;  // Those that the expression reads; kVariable slots index it.
  std::vector<std::string> warnings;
};

Result<Resolved> resolve(Node& root, std::string_view source, const ResolveOptions& options);

}  // namespace remit::policy::cel

// A compiled expression; policy/cel.h shows it to others.
#pragma once

#include <string>

#include "policy/cel/ast.h"
#include "policy/cel/resolve.h"

namespace remit::policy::cel {

struct ProgramImpl {
  std::string text;
  NodePtr root;
  Resolved names;
};

Result<std::shared_ptr<const ProgramImpl>> compile_program(std::string_view text, const ResolveOptions& options);

}  // namespace remit::policy::cel

// Parses the grammar of the CEL language definition (precedence climbing) into a tree of names.
#pragma once

#include <string_view>

#include "base/result.h"
#include "policy/cel/ast.h"

namespace remit::policy::cel {

Result<NodePtr> parse(std::string_view source);

}  // namespace remit::policy::cel

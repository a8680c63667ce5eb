// The tree of an expression. The parser makes it with names (kIdent, kSelect, kCall); resolve() turns names into
// variables, locals, types, functions and macros. After that it is only read.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "policy/cel/meter.h"
#include "policy/cel/value.h"

namespace re2 {
class RE2;
}

namespace remit::policy::cel {

enum class Op : std::uint8_t {
  kLiteral,
  kIdent,
  kVariable,
  kLocal,
  kUndeclared,
  kSelect,
  kOptionalSelect,
  kHas,
  kIndex,
  kOptionalIndex,
  kList,
  kMap,
  kCall,
  kAnd,
  kOr,
  kConditional,
  kNot,
  kNegate,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kComprehension,
  kLet,
  kOptionalOr,
  kOptionalOrValue,
  kOptionalMap,
  kOptionalFlatMap,
};

enum class Fold : std::uint8_t {
  kAll,
  kExists,
  kExistsOne,
  kFilter,
  kMap,
  kTransformList,
  kTransformMap,
  kTransformMapEntry
};

using Function = Value (*)(std::span<const Value> arguments, Meter& meter);

struct Node;
using NodePtr = std::unique_ptr<Node>;

struct Node {
  Op op = Op::kLiteral;
  Fold fold = Fold::kAll;
  bool member = false;               // kCall: args[0] is the receiver.
  bool absolute = false;             // kIdent: written with a leading dot.
  bool two_variables = false;        // kComprehension: index or key, and value.
  std::uint32_t begin = 0, end = 0;  // Bytes of the source.
  std::uint32_t depth = 1;
  std::uint32_t slot = 0, second_slot = 0;  // Of locals, or of the variable.
  std::string name;                         // Of a variable, field or function.
  Value literal;                            // Its text is a view of `name` or static.
  Function function = nullptr;
  std::shared_ptr<const re2::RE2> regex;  // matches() with a literal pattern.
  // Operands. kMap: key, value, key, value. kComprehension: range, predicate (may be null), transform (may be null).
  // kLet: value, body.
  std::vector<NodePtr> args;
  std::vector<bool> optional;  // kList, kMap: which elements carry '?'.
};

}  // namespace remit::policy::cel

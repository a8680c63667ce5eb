#include "policy/cel/resolve.h"

#include <re2/re2.h>

#include <algorithm>
#include <optional>

#include "base/strings.h"
#include "policy/cel/functions.h"
#include "policy/cel/lexer.h"
#include "policy/cel/regex.h"

namespace remit::policy::cel {
namespace {

struct Local {
  std::string name;
  std::uint32_t slot = 0;
};

struct Macro {
  std::string_view name;
  std::size_t arguments;  // Without the receiver.
  Fold fold;
};
constexpr Macro kMacros[] = {
    {"all", 2, Fold::kAll},
    {"exists", 2, Fold::kExists},
    {"exists_one", 2, Fold::kExistsOne},
    {"existsOne", 2, Fold::kExistsOne},
    {"filter", 2, Fold::kFilter},
    {"map", 2, Fold::kMap},
    {"map", 3, Fold::kMap},
    {"all", 3, Fold::kAll},
    {"exists", 3, Fold::kExists},
    {"existsOne", 3, Fold::kExistsOne},
    {"transformList", 3, Fold::kTransformList},
    {"exists_one", 3, Fold::kExistsOne},
    {"transformList", 4, Fold::kTransformList},
    {"transformMap", 3, Fold::kTransformMap},
    {"transformMap", 4, Fold::kTransformMap},
    {"transformMapEntry", 3, Fold::kTransformMapEntry},
    {"transformMapEntry", 4, Fold::kTransformMapEntry},
};

class Resolver {
 public:
  Resolver(std::string_view source, const ResolveOptions& options) : source_(source), options_(options) {}

  Result<> visit(Node& node) {
    switch (node.op) {
      case Op::kIdent: return visit_ident(node);
      case Op::kSelect: return visit_select(node);
      case Op::kCall: return visit_call(node);
      default: return visit_args(node);
    }
  }

  Resolved take() { return std::move(out_); }

 private:
  std::unexpected<Error> error(const Node& node, std::string_view message) const {
    return fail(Code::kInvalidArgument, fmt::format("{}: {}", place(source_, node.begin), message));
  }
  void warn(const Node& node, std::string_view message) {
    if (out_.warnings.size() < 16) out_.warnings.push_back(fmt::format("{}: {}", place(source_, node.begin), message));
  }

  Result<> visit_args(Node& node) {
    for (auto& arg : node.args) {
      if (arg) REMIT_CHECK_OK(visit(*arg));
    }
    return {};
  }

  const Local* find_local(std::string_view name) const {
    for (auto it = locals_.rbegin(); it != locals_.rend(); ++it) {
      if (it->name == name) return &*it;
    }
    return nullptr;
  }

  bool bind_local(Node& node) {
    if (node.absolute) return false;
    const Local* local = find_local(node.name);
    if (!local) return false;
    node.op = Op::kLocal, node.slot = local->slot;
    return true;
  }

  const Variable* find_variable(std::string_view name) const {
    const auto found = std::ranges::find(options_.variables, name, &Variable::name);
    return found == options_.variables.end() ? nullptr : &*found;
  }

  // A variable or a type of that name, looked up from the innermost namespace of the container outwards.
  bool bind_global(Node& node, const std::string& name, bool absolute) {
    std::string scope = absolute ? "" : options_.container;
    for (;;) {
      const std::string full = scope.empty() ? name : scope + "." + name;
      if (find_variable(full)) return bind_variable(node, full), true;
      if (bind_type(node, full)) return true;
      if (scope.empty()) return false;
      const auto dot = scope.rfind('.');
      scope.resize(dot == std::string::npos ? 0 : dot);
    }
  }

  void bind_variable(Node& node, const std::string& name) {
    const auto found = std::ranges::find(out_.variables, name);
    node.op = Op::kVariable, node.name = name, node.args.clear();
    node.slot = static_cast<std::uint32_t>(found - out_.variables.begin());
    if (found == out_.variables.end()) out_.variables.push_back(name);
  }

  static bool bind_type(Node& node, std::string_view name) {
    // The first name is that of errors, which an expression cannot name.
    const auto* found = std::ranges::find(std::begin(kTypeNames) + 1, std::end(kTypeNames), name);
    if (found == std::end(kTypeNames)) return false;
    node.op = Op::kLiteral, node.literal = Value::type(*found), node.args.clear();
    return true;
  }

  Result<> visit_ident(Node& node) {
    if (bind_local(node) || bind_global(node, node.name, node.absolute)) return {};
    node.op = Op::kUndeclared;
    std::vector<std::string_view> known;
    for (const auto& variable : options_.variables) known.push_back(variable.name);
    const auto near = nearest(node.name, known);
    warn(node, fmt::format("there is no variable '{}'{}", node.name,
                           near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
    return {};
  }

  // "a.b.c" when the node is nothing but names; empty otherwise.
  static std::optional<std::string> qualified_name(const Node& node, const Node*& root) {
    if (node.op == Op::kIdent) return root = &node, node.name;
    if (node.op != Op::kSelect) return std::nullopt;
    auto operand = qualified_name(*node.args[0], root);
    if (!operand) return std::nullopt;
    return *operand + "." + node.name;
  }

  Result<> visit_select(Node& node) {
    const Node* root = nullptr;
    const auto name = qualified_name(node, root);
    if (name && (root->absolute || !find_local(root->name)) && bind_global(node, *name, root->absolute)) return {};
    REMIT_CHECK_OK(visit(*node.args[0]));
    check_member(node);
    return {};
  }

  void check_member(const Node& node) {
    if (node.args[0]->op != Op::kVariable) return;
    const Variable* variable = find_variable(node.args[0]->name);
    if (!variable || variable->members.empty() ||
        std::ranges::find(variable->members, node.name) != variable->members.end())
      return;
    std::vector<std::string_view> known(variable->members.begin(), variable->members.end());
    const auto near = nearest(node.name, known);
    warn(node, fmt::format("'{}' has no member '{}'{}", variable->name, node.name,
                           near.empty() ? "" : fmt::format("; did you mean '{}'?", near)));
  }

  Result<> visit_call(Node& node) {
    if (node.member) {
      REMIT_TRY(const bool expanded, expand_member_macro(node));
      if (expanded) return {};
      return visit_member_call(node);
    }
    if (node.name == "has" && node.args.size() == 1) return expand_has(node);
    return bind_function(node, node.name);
  }

  Result<> expand_has(Node& node) {
    NodePtr field = std::move(node.args[0]);
    if (field->op != Op::kSelect) return error(node, "has() takes a field: has(args.path)");
    REMIT_CHECK_OK(visit(*field->args[0]));
    node.op = Op::kHas, node.name = field->name;
    node.args.clear();
    node.args.push_back(std::move(field->args[0]));
    return {};
  }

  Result<> visit_member_call(Node& node) {
    const Node* root = nullptr;
    const auto space = qualified_name(*node.args[0], root);
    if (space && (root->absolute || !find_local(root->name))) {
      const std::string full = *space + "." + node.name;
      if (full == "cel.bind" && node.args.size() == 4) return expand_bind(node);
      if (full == "cel.block" && node.args.size() == 3) return expand_block(node);
      if ((full == "cel.index" && node.args.size() == 2) || is_iteration_variable(node)) return bind_numbered(node);
      if (find_function(full, false, node.args.size() - 1)) {
        node.args.erase(node.args.begin());
        node.member = false;
        return bind_function(node, full);
      }
    }
    return bind_function(node, node.name);
  }

  Result<> bind_function(Node& node, const std::string& name) {
    REMIT_CHECK_OK(visit_args(node));
    if (node.member && (name == "or" || name == "orValue") && node.args.size() == 2) {
      node.op = name == "or" ? Op::kOptionalOr : Op::kOptionalOrValue;
      return {};
    }
    const FunctionEntry* entry = find_function(name, node.member, node.args.size());
    if (!entry) return unknown_function(node, name);
    node.function = entry->function;
    const bool literal_pattern =
        node.args.size() == 2 && node.args[1]->op == Op::kLiteral && node.args[1]->literal.is(Kind::kString);
    if (name == "matches" && literal_pattern) {
      auto regex = compile_regex(node.args[1]->literal.text());
      if (!regex && !options_.lenient) return error(node, regex.error().message());
      if (regex) node.regex = std::move(*regex);
    }
    return {};
  }

  Result<> unknown_function(Node& node, const std::string& name) {
    if (options_.lenient) {
      node.function = [](std::span<const Value>, Meter&) { return Value::error("unbound function"); };
      return {};
    }
    const auto names = function_names();
    const auto near = nearest(name, names);
    const auto count = node.args.size() - (node.member ? 1 : 0);
    return error(node, fmt::format("there is no {} '{}' with {} argument{}{}", node.member ? "method" : "function",
                                   name, count, count == 1 ? "" : "s",
                                   near.empty() || near == name ? "" : fmt::format("; did you mean '{}'?", near)));
  }

  // cel.iterVar(0, 1): the name that optimised expressions give to a variable of a macro.
  static bool is_iteration_variable(const Node& node) {
    if (node.op != Op::kCall || !node.member || node.name != "iterVar" || node.args.size() != 3) return false;
    const Node& space = *node.args[0];
    return space.op == Op::kIdent && space.name == "cel" && node.args[1]->op == Op::kLiteral &&
           node.args[2]->op == Op::kLiteral && node.args[1]->literal.is(Kind::kInt) &&
           node.args[2]->literal.is(Kind::kInt);
  }
  static std::string numbered_name(const Node& node) {
    if (node.args.size() == 2) return fmt::format("@index{}", node.args[1]->literal.as_int());
    return fmt::format("@it:{}:{}", node.args[1]->literal.as_int(), node.args[2]->literal.as_int());
  }
  Result<> bind_numbered(Node& node) {
    if (node.args[1]->op != Op::kLiteral || !node.args[1]->literal.is(Kind::kInt))
      return error(node, "expected a number");
    const std::string name = numbered_name(node);
    const Local* local = find_local(name);
    if (!local) return error(node, "there is no such slot");
    node.op = Op::kLocal, node.slot = local->slot, node.args.clear();
    return {};
  }

  Result<std::string> variable_name(const Node& node) {
    if (node.op == Op::kIdent && !node.absolute) return node.name;
    if (is_iteration_variable(node)) return numbered_name(node);
    return error(node, "expected the plain name of a variable");
  }

  std::uint32_t push_local(std::string name) {
    // Slots are not reused: nested folds may keep values of outer ones.
    locals_.push_back({std::move(name), out_.slots});
    return out_.slots++;
  }
  void pop_locals(std::size_t size) { locals_.resize(size); }

  Result<> expand_bind(Node& node) {
    REMIT_TRY(const auto name, variable_name(*node.args[1]));
    NodePtr value = std::move(node.args[2]), body = std::move(node.args[3]);
    REMIT_CHECK_OK(visit(*value));
    const auto size = locals_.size();
    node.op = Op::kLet, node.slot = push_local(name);
    REMIT_CHECK_OK(visit(*body));
    pop_locals(size);
    node.args.clear();
    node.args.push_back(std::move(value)), node.args.push_back(std::move(body));
    return {};
  }

  // cel.block([a, b], body): a chain of lets, innermost last.
  Result<> expand_block(Node& node) {
    NodePtr values = std::move(node.args[1]), body = std::move(node.args[2]);
    if (values->op != Op::kList) return error(node, "cel.block takes a list of values");
    const auto size = locals_.size();
    std::vector<std::uint32_t> slots;
    for (std::size_t i = 0; i < values->args.size(); ++i) {
      REMIT_CHECK_OK(visit(*values->args[i]));
      slots.push_back(push_local(fmt::format("@index{}", i)));
    }
    REMIT_CHECK_OK(visit(*body));
    pop_locals(size);
    for (std::size_t i = values->args.size(); i-- > 1;) {
      auto let = std::make_unique<Node>();
      let->op = Op::kLet, let->slot = slots[i], let->begin = node.begin, let->end = node.end;
      let->args.push_back(std::move(values->args[i])), let->args.push_back(std::move(body));
      body = std::move(let);
    }
    if (slots.empty()) {
      Node inner = std::move(*body);
      node = std::move(inner);
      return {};
    }
    node.op = Op::kLet, node.slot = slots[0];
    node.args.clear();
    node.args.push_back(std::move(values->args[0])), node.args.push_back(std::move(body));
    return {};
  }

  Result<bool> expand_member_macro(Node& node) {
    const std::size_t count = node.args.size() - 1;
    if ((node.name == "optMap" || node.name == "optFlatMap") && count == 2) {
      REMIT_CHECK_OK(expand_optional_map(node));
      return true;
    }
    const auto* macro = std::ranges::find_if(
        kMacros, [&](const Macro& candidate) { return candidate.name == node.name && candidate.arguments == count; });
    if (macro == std::end(kMacros)) return false;
    REMIT_CHECK_OK(expand_fold(node, *macro));
    return true;
  }

  Result<> expand_optional_map(Node& node) {
    REMIT_TRY(const auto name, variable_name(*node.args[1]));
    NodePtr value = std::move(node.args[0]), body = std::move(node.args[2]);
    REMIT_CHECK_OK(visit(*value));
    const auto size = locals_.size();
    node.op = node.name == "optMap" ? Op::kOptionalMap : Op::kOptionalFlatMap;
    node.slot = push_local(name);
    REMIT_CHECK_OK(visit(*body));
    pop_locals(size);
    node.args.clear();
    node.args.push_back(std::move(value)), node.args.push_back(std::move(body));
    return {};
  }

  // x.all(v, p), x.map(v, [p,] t), x.all(k, v, p), x.transformMap(k, v, [p,] t) …
  Result<> expand_fold(Node& node, const Macro& macro) {
    const bool transforms = macro.fold >= Fold::kTransformList;
    const bool always_two = transforms;
    node.two_variables = always_two || (macro.fold != Fold::kMap && macro.arguments == 3);
    std::size_t next = 1;
    REMIT_TRY(const auto first, variable_name(*node.args[next++]));
    std::string second;
    if (node.two_variables) {
      REMIT_TRY(second, variable_name(*node.args[next++]));
      if (first == second) return error(node, "the two variables of a macro need different names");
    }
    NodePtr predicate, transform;
    const bool has_transform = transforms || macro.fold == Fold::kMap;
    if (!has_transform || node.args.size() - next == 2) predicate = std::move(node.args[next++]);
    if (has_transform) transform = std::move(node.args[next++]);
    NodePtr range = std::move(node.args[0]);
    REMIT_CHECK_OK(visit(*range));
    const auto size = locals_.size();
    node.op = Op::kComprehension, node.fold = macro.fold;
    node.slot = push_local(first);
    if (node.two_variables) node.second_slot = push_local(second);
    if (predicate) REMIT_CHECK_OK(visit(*predicate));
    if (transform) REMIT_CHECK_OK(visit(*transform));
    pop_locals(size);
    node.args.clear();
    node.args.push_back(std::move(range)), node.args.push_back(std::move(predicate)),
        node.args.push_back(std::move(transform));
    return {};
  }

  std::string_view source_;
  const ResolveOptions& options_;
  std::vector<Local> locals_;
  Resolved out_;
};

}  // namespace

Result<Resolved> resolve(Node& root, std::string_view source, const ResolveOptions& options) {
  Resolver resolver(source, options);
  REMIT_CHECK_OK(resolver.visit(root));
  return resolver.take();
}

}  // namespace remit::policy::cel

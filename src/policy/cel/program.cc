#include "policy/cel/program.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/cel/eval.h"
#include "policy/cel/parser.h"

namespace remit::policy::cel {

static constexpr std::size_t kExplainedValues = 4;  // Of one part of a condition.
static constexpr std::size_t kExplainedBytes = 80;  // Of one value or part.

Result<std::shared_ptr<const ProgramImpl>> compile_program(std::string_view text, const ResolveOptions& options) {
  auto impl = std::make_shared<ProgramImpl>();
  impl->text = text;
  REMIT_TRY(impl->root, parse(impl->text));
  REMIT_TRY(impl->names, resolve(*impl->root, impl->text, options));
  return impl;
}

Result<Program> Program::compile(std::string_view text, const std::vector<Variable>& variables) {
  ResolveOptions options;
  options.variables = variables;
  REMIT_TRY(auto impl, compile_program(text, options));
  return Program(std::move(impl));
}

static std::vector<Value> read_variables(const ProgramImpl& program, const Bindings& bindings) {
  std::vector<Value> values;
  values.reserve(program.names.variables.size());
  for (const auto& name : program.names.variables) {
    const auto* bound = bindings.find(name);
    if (!bound) {
      values.push_back(Value::error("'" + name + "' is not known here"));
    } else if (bound->object) {
      values.push_back(Value::from_object(*bound->object));
    } else {
      values.push_back(bound->value ? Value::from_json(*bound->value) : Value::string_view(bound->text));
    }
  }
  return values;
}

static Error limit_error(const Meter& meter) {
  return {Code::kResourceExhausted,
          fmt::format("the condition is too costly: it passed the limit {}", meter.exhausted())};
}

static Result<Value> run(const ProgramImpl& program, std::span<const Value> variables, Meter& meter) {
  Value value = evaluate(*program.root, variables, program.names.slots, meter);
  if (meter.is_exhausted()) return fail(limit_error(meter));
  if (value.is_error()) return fail(Code::kInvalidArgument, printable(value.text(), 200));
  return value;
}

Result<bool> Program::test(const Bindings& bindings) const {
  Meter meter;
  const auto variables = read_variables(*impl_, bindings);
  REMIT_TRY(const auto value, run(*impl_, variables, meter));
  if (!value.is(Kind::kBool)) {
    return fail(Code::kInvalidArgument,
                fmt::format("a condition gives true or false; this one gives {}", value.type_name()));
  }
  return value.as_bool();
}

Result<json::value> Program::evaluate(const Bindings& bindings) const {
  Meter meter;
  const auto variables = read_variables(*impl_, bindings);
  REMIT_TRY(const auto value, run(*impl_, variables, meter));
  return to_json_value(value);
}

// The paths below variables that a part reads, such as args.timeout_s; those of macros' own variables are left out.
static void collect_paths(const Node& node, std::vector<const Node*>& out) {
  const Node* root = &node;
  while (root->op == Op::kSelect || (root->op == Op::kIndex && root->args[1]->op == Op::kLiteral))
    root = root->args[0].get();
  if (root->op == Op::kVariable) {
    out.push_back(&node);
    return;
  }
  for (const auto& arg : node.args) {
    if (arg) collect_paths(*arg, out);
  }
}

static std::string source_of(const ProgramImpl& program, const Node& node) {
  return printable(trim(std::string_view(program.text).substr(node.begin, node.end - node.begin)), kExplainedBytes);
}

static std::string explain_part(const ProgramImpl& program, const Node& node, std::span<const Value> variables) {
  Meter meter;
  const Value value = evaluate(node, variables, program.names.slots, meter);
  if (value.is_true()) return "";
  std::string out = source_of(program, node);
  if (meter.is_exhausted()) return out + " is too costly (" + std::string(meter.exhausted()) + ")";
  out += value.is_error() ? " cannot be evaluated: " + printable(value.text(), 200)
                          : " is " + display(value, kExplainedBytes);
  std::vector<const Node*> paths;
  collect_paths(node, paths);
  std::vector<std::string> shown;
  for (const Node* path : paths) {
    Meter path_meter;
    const Value read = evaluate(*path, variables, program.names.slots, path_meter);
    const auto text = source_of(program, *path) + " = " + display(read, kExplainedBytes);
    const bool new_text = std::ranges::find(shown, text) == shown.end();
    if (path != &node && !read.is_error() && new_text && shown.size() < kExplainedValues) shown.push_back(text);
  }
  return shown.empty() ? out : out + " (" + join(shown, ", ") + ")";
}

std::string Program::explain(const Bindings& bindings) const {
  const auto variables = read_variables(*impl_, bindings);
  const Node& root = *impl_->root;
  if (root.op != Op::kAnd && root.op != Op::kOr) return explain_part(*impl_, root, variables);
  std::vector<std::string> parts;
  for (const auto& arg : root.args) {
    auto part = explain_part(*impl_, *arg, variables);
    if (!part.empty()) parts.push_back(std::move(part));
  }
  // One true part of an || makes it true.
  if (root.op == Op::kOr && parts.size() < root.args.size()) return "";
  return join(parts, "; ");
}

const std::string& Program::text() const { return impl_->text; }
const std::vector<std::string>& Program::warnings() const { return impl_->names.warnings; }
bool Program::reads(std::string_view variable) const {
  return std::ranges::find(impl_->names.variables, variable) != impl_->names.variables.end();
}

}  // namespace remit::policy::cel

// Any text as a condition: it is refused, or it is evaluated within its limits. A part after a zero byte is the
// arguments as JSON.
#include "policy/cel.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto zero = input.find('\0');
  static const std::vector<policy::cel::Variable> variables = {{"args", {}}, {"tool", {}}, {"mission", {"name"}}};
  const auto program = policy::cel::Program::compile(input.substr(0, zero), variables);
  if (!program) return 0;
  json::value args = json::object{
      {"n", 1}, {"s", "text"}, {"list", json::array{1, 2.5, "x", nullptr}}, {"map", json::object{{"k", true}}}};
  if (zero != std::string_view::npos) {
    if (auto parsed = parse_json(input.substr(zero + 1))) args = std::move(*parsed);
  }
  policy::cel::Bindings bindings;
  bindings.bind("args", args);
  bindings.bind_text("tool", "shell.run");
  const auto value = program->evaluate(bindings);
  const auto held = program->test(bindings);
  if (held && !value) __builtin_trap();
  (void)program->explain(bindings);
  return 0;
}

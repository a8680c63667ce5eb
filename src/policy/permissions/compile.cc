#include <algorithm>

#include "base/strings.h"
#include "policy/paths.h"
#include "policy/permissions/compiled.h"

namespace remit::policy {

static std::string at(const std::string& source) { return source.empty() ? "" : source + ": "; }

static Error in_rule(const Error& error, const std::string& source, std::string_view what) {
  return error.wrap(fmt::format("{}{}", at(source), what));
}

bool CompiledRule::matches_tool(std::string_view tool) const {
  return std::ranges::any_of(tools, [&](const ToolGlob& glob) { return glob.matches(tool); });
}

// What conditions may read. `mission` is known member by member, so that a typing error is seen when the mission is
// read.
static std::vector<cel::Variable> variables_of(const PermissionsSpec& spec) {
  std::vector<std::string> members;
  for (const auto& member : spec.mission) members.emplace_back(member.key());
  return {{"tool", {}},
          {"kind", {}},
          {"effect", {}},
          {"resource", {}},
          {"channel", {}},
          {"args", {}},
          {"call", {}},
          {"mission", std::move(members)},
          {"budget", {"limit", "spent", "reserved"}}};
}

static Result<CompiledRule> compile_rule(const RuleSpec& spec, const std::vector<cel::Variable>& variables,
                                         std::vector<std::string>& warnings) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalidArgument, fmt::format("{}rule '{}' {}", at(spec.source), printable(spec.name, 80), why));
  };
  if (spec.name.empty()) return refuse("has no name; verdicts name the rule that made them");
  if (spec.tools.empty()) return refuse("names no tools; write tools: [\"files.read\"]");
  if (spec.tools.size() > kToolsPerRule)
    return refuse(fmt::format("names more than {} tools (kToolsPerRule)", kToolsPerRule));
  CompiledRule rule;
  rule.name = spec.name, rule.effect = spec.effect, rule.source = spec.source;
  for (const auto& tool : spec.tools) {
    auto glob = ToolGlob::parse(tool);
    if (!glob) return fail(in_rule(glob.error(), spec.source, fmt::format("rule '{}'", spec.name)));
    rule.tools.push_back(std::move(*glob));
  }
  if (trim(spec.when).empty()) return rule;
  auto program = cel::Program::compile(spec.when, variables);
  if (!program)
    return fail(in_rule(program.error(), spec.source, fmt::format("the condition of rule '{}'", spec.name)));
  for (const auto& warning : program->warnings()) {
    warnings.push_back(
        fmt::format("{}the condition of rule '{}' can never hold: {}", at(spec.source), spec.name, warning));
  }
  rule.when = std::move(*program);
  return rule;
}

static Result<CompiledEgress> compile_egress(const EgressRule& rule) {
  auto host = HostPattern::parse(rule.host);
  if (!host) return fail(in_rule(host.error(), rule.source, fmt::format("egress '{}'", rule.name)));
  return CompiledEgress{rule.name, std::move(*host), rule.port == 0 ? std::uint16_t{443} : rule.port, rule.source};
}

static Result<CompiledModel> compile_model(const ModelRule& rule) {
  auto provider = ToolGlob::parse(rule.provider), name = ToolGlob::parse(rule.name);
  if (!provider) return fail(in_rule(provider.error(), rule.source, "the provider of the model"));
  if (!name) return fail(in_rule(name.error(), rule.source, "the name of the model"));
  return CompiledModel{std::move(*provider), std::move(*name), rule.source};
}

static Result<std::vector<PathGlob>> compile_globs(const std::vector<std::string>& patterns, const std::string& source,
                                                   std::string_view field) {
  if (patterns.size() > kWriteGlobs) {
    return fail(Code::kResourceExhausted,
                fmt::format("{}workspace.{} has more than {} patterns (kWriteGlobs)", at(source), field, kWriteGlobs));
  }
  std::vector<PathGlob> out;
  for (const auto& pattern : patterns) {
    auto glob = PathGlob::parse(pattern);
    if (!glob) return fail(in_rule(glob.error(), source, fmt::format("workspace.{}", field)));
    out.push_back(std::move(*glob));
  }
  return out;
}

// `hide` means what it does in the workspace: as in .gitignore, a pattern without a slash is a name at any depth, and
// "a/**" is what lies in a. Classes and escapes become '?', which is wider: the workspace hides exactly, and a rule
// that refuses more than is hidden tells nothing.
static std::string hide_glob(std::string_view pattern) {
  if (pattern.size() > 1 && pattern.ends_with('/')) pattern.remove_suffix(1);
  const bool anchored = pattern.contains('/');
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  std::string glob = anchored ? "" : "**/";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    // A ']' that comes first, also behind '!', stands for itself.
    const bool negated = i + 1 < pattern.size() && pattern[i + 1] == '!';
    const auto end = pattern[i] == '[' ? pattern.find(']', i + (negated ? 3 : 2)) : std::string_view::npos;
    const bool escape = pattern[i] == '\\' && i + 1 < pattern.size();
    glob += end != std::string_view::npos || escape ? '?' : pattern[i];
    if (end != std::string_view::npos) i = end;
    if (escape) ++i;
  }
  if (glob.ends_with("/**") && glob != "**/**") glob += "/*";
  return glob;
}

static Result<std::vector<HideGlob>> compile_hide(const std::vector<std::string>& patterns, const std::string& source) {
  std::vector<std::string> globs;
  for (const auto& pattern : patterns) globs.push_back(hide_glob(pattern));
  REMIT_TRY(auto compiled, compile_globs(globs, source, "hide"));
  std::vector<HideGlob> out;
  for (std::size_t i = 0; i < compiled.size(); ++i) out.push_back({patterns[i], std::move(compiled[i])});
  return out;
}

static Result<> check_sizes(const PermissionsSpec& spec) {
  if (spec.rules.size() > kRules) {
    return fail(Code::kResourceExhausted,
                fmt::format("{}permissions have more than {} rules (kRules)", at(spec.source), kRules));
  }
  if (spec.egress.size() > kEgressRules) {
    return fail(Code::kResourceExhausted, fmt::format("{}permissions have more than {} egress rules (kEgressRules)",
                                                      at(spec.source), kEgressRules));
  }
  std::vector<std::string_view> names;
  for (const auto& rule : spec.rules) {
    if (std::ranges::find(names, rule.name) != names.end()) {
      return fail(Code::kInvalidArgument,
                  fmt::format("{}two rules have the name '{}'", at(rule.source), printable(rule.name, 80)));
    }
    names.push_back(rule.name);
  }
  return {};
}

Result<CompiledPermissions> CompiledPermissions::compile(PermissionsSpec spec, std::vector<std::string>& warnings) {
  REMIT_CHECK_OK(check_sizes(spec));
  CompiledPermissions out;
  const auto variables = variables_of(spec);
  for (const auto& rule : spec.rules) {
    REMIT_TRY(auto compiled, compile_rule(rule, variables, warnings));
    out.rules.push_back(std::move(compiled));
  }
  for (const auto& rule : spec.egress) {
    REMIT_TRY(auto compiled, compile_egress(rule));
    out.egress.push_back(std::move(compiled));
  }
  for (const auto& model : spec.models) {
    REMIT_TRY(auto compiled, compile_model(model));
    out.models.push_back(std::move(compiled));
  }
  REMIT_TRY(out.write, compile_globs(spec.workspace.write, spec.workspace.source, "write"));
  REMIT_TRY(out.hide, compile_hide(spec.workspace.hide, spec.workspace.source));
  out.spec = std::move(spec);
  return out;
}

}  // namespace remit::policy

#include "policy/permissions/gates.h"

#include <algorithm>

#include "base/strings.h"
#include "policy/paths.h"

namespace remit::policy {

static constexpr std::size_t kListed = 8;  // How many permitted things a reason lists.
static constexpr std::size_t kShownBytes = 160;

static Verdict deny(std::string rule, std::string reason, std::string source, std::string suggestion) {
  auto verdict = Verdict::deny(std::string(kLayer), std::move(rule), std::move(reason));
  verdict.source = std::move(source), verdict.suggestion = std::move(suggestion);
  return verdict;
}

template <typename Items, typename Show>
static std::string list_of(const Items& items, Show show) {
  std::vector<std::string> shown;
  for (const auto& item : items) {
    if (shown.size() == kListed) {
      shown.push_back("…");
      break;
    }
    shown.push_back(show(item));
  }
  return join(shown, ", ");
}

// A name for a rule, out of a host or tool: "mail.example.net" → "mail-example-net".
static std::string rule_name(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) out += c;
    if (!plain && !out.empty() && !out.ends_with('-')) out += '-';
  }
  while (out.ends_with('-')) out.pop_back();
  return out;
}

Gate gate_of(const Action& action) {
  if (action.kind == ActionKind::kModelCall) return Gate::kModel;
  if (action.kind == ActionKind::kFileChange) return Gate::kWrite;
  if (action.kind == ActionKind::kHttpEgress || action.tool == kHttpTool) return Gate::kEgress;
  // Only the runtime itself proposes it; what comes in by a door cannot have this channel.
  if (action.tool == kAgentTool && action.channel == "runtime") return Gate::kAgent;
  return Gate::kNone;
}

// The URL decides, for it is what the executor connects to; a resource that says otherwise is a contradiction.
static Result<HostPort> egress_target(const Action& action) {
  const auto* url = find(action.args, "url");
  if (!url) return parse_host_port(action.resource, 443);
  if (!url->is_string()) return fail(Code::kInvalidArgument, "args.url is no text");
  REMIT_TRY(auto target, parse_http_target(get_string(action.args, "url")));
  const auto shown = parse_host_port(action.resource);
  if (shown && *shown != target) {
    return fail(Code::kInvalidArgument,
                fmt::format("the action says {} and its URL {}", shown->to_string(), target.to_string()));
  }
  return target;
}

// A header of that name would reach another site behind the same address than the one the egress rule names.
static bool names_its_own_host(const Action& action) {
  const auto* headers = find_object(action.args, "headers");
  return headers && std::ranges::any_of(*headers, [](const auto& header) {
           return to_lower(trim(std::string_view(header.key()))) == "host";
         });
}

static std::optional<Verdict> check_egress(const CompiledPermissions& permissions, const Action& action) {
  const auto& source = permissions.spec.source;
  const auto target = egress_target(action);
  if (!target)
    return deny("egress", "the address of the request cannot be read: " + target.error().message(), source, "");
  if (names_its_own_host(action)) {
    return deny("egress", "the request sets the header Host, which follows from its URL", source,
                "leave out the header Host");
  }
  for (const auto& rule : permissions.egress) {
    if (rule.port == target->port && rule.host.matches(target->host)) return std::nullopt;
  }
  const auto host = target->host.kind == Host::Kind::kIpv6 ? "\"[" + target->host.text + "]\"" : target->host.text;
  auto suggestion =
      fmt::format("add to permissions.egress: - {{name: {}, host: {}, port: {}}}", rule_name(host), host, target->port);
  const bool has_rule = std::ranges::any_of(permissions.rules, [&](const CompiledRule& rule) {
    return rule.effect != RuleEffect::kDeny && rule.matches_tool(action.tool);
  });
  if (!has_rule) {
    suggestion += fmt::format("; and to permissions.rules: - {{name: {}, effect: Allow, tools: [\"{}\"]}}",
                              rule_name(action.tool), printable(action.tool, 80));
  }
  const auto reason = permissions.egress.empty()
                          ? fmt::format("egress allows nothing, and {} is asked for", target->to_string())
                          : fmt::format("egress does not name {}; it names {}", target->to_string(),
                                        list_of(permissions.egress, [](const auto& rule) { return rule.to_string(); }));
  return deny("egress", reason, permissions.egress.empty() ? source : permissions.egress.front().source, suggestion);
}

static std::optional<Verdict> check_model(const CompiledPermissions& permissions, const Action& action) {
  const auto provider =
      action.model_request ? std::string_view(action.model_request->provider) : get_string(action.args, "provider");
  const auto name =
      action.model_request ? std::string_view(action.model_request->model) : get_string(action.args, "model");
  for (const auto& model : permissions.models) {
    if (model.provider.matches(provider) && model.name.matches(name)) return std::nullopt;
  }
  const auto shown = printable(name, 80), shown_provider = printable(provider, 80);
  const auto suggestion = fmt::format("set spec.model: {{providerRef: {{name: {}}}, name: {}}}", shown_provider, shown);
  if (permissions.models.empty())
    return deny("model", fmt::format("the mission names no model, and {} is asked for", shown), permissions.spec.source,
                suggestion);
  const auto reason = fmt::format(
      "the mission's model is {}, not {} of provider {}",
      list_of(permissions.models,
              [](const auto& model) { return model.name.text() + " of provider " + model.provider.text(); }),
      shown, shown_provider);
  return deny("model", reason, permissions.models.front().source, suggestion);
}

static std::string_view path_of(const Action& action) {
  const auto path = get_string(action.args, "path");
  return path.empty() ? std::string_view(action.resource) : path;
}

static std::optional<Verdict> check_write(const CompiledPermissions& permissions, const Action& action) {
  const auto path = path_of(action);
  for (const auto& glob : permissions.write) {
    if (glob.matches(path)) return std::nullopt;
  }
  const auto shown = printable(path, kShownBytes);
  const auto reason = permissions.write.empty()
                          ? fmt::format("workspace.write is empty, so {} may not change", shown)
                          : fmt::format("workspace.write does not cover {}; it covers {}", shown,
                                        list_of(permissions.write, [](const PathGlob& glob) { return glob.text(); }));
  return deny("write", reason, permissions.spec.workspace.source, fmt::format("add \"{}\" to workspace.write", shown));
}

std::optional<Verdict> check_gate(const CompiledPermissions& permissions, const Action& action, Gate gate) {
  switch (gate) {
    case Gate::kNone:
    case Gate::kAgent: return std::nullopt;
    case Gate::kEgress: return check_egress(permissions, action);
    case Gate::kModel: return check_model(permissions, action);
    case Gate::kWrite: return check_write(permissions, action);
  }
  return std::nullopt;
}

static std::optional<Verdict> check_path(const CompiledPermissions& permissions, std::string_view path) {
  const auto shown = printable(path, kShownBytes);
  if (!is_normalised_path(path)) {
    return deny("paths", fmt::format("the path '{}' is not in its normal form inside the workspace", shown),
                permissions.spec.workspace.source, "use a plain path relative to the workspace, without '..'");
  }
  for (const auto& hidden : permissions.hide) {
    if (!hidden.glob.covers(path)) continue;
    return deny("hide", fmt::format("{} is hidden from the agent by workspace.hide '{}'", shown, hidden.pattern),
                permissions.spec.workspace.source, fmt::format("remove \"{}\" from workspace.hide", hidden.pattern));
  }
  return std::nullopt;
}

std::optional<Verdict> check_paths(const CompiledPermissions& permissions, const Action& action) {
  if (action.kind == ActionKind::kFileChange) {
    if (auto denied = check_path(permissions, path_of(action))) return denied;
    // Rules read the one, people see the other.
    if (path_of(action) != action.resource)
      return deny("paths", "the action names two different paths", permissions.spec.workspace.source, "");
    return std::nullopt;
  }
  if (!action.tool.starts_with("files.")) return std::nullopt;
  for (const auto* name : {"path", "from", "to"}) {
    const auto* value = find(action.args, name);
    if (!value) continue;
    if (!value->is_string())
      return deny("paths", fmt::format("args.{} is no text", name), permissions.spec.workspace.source, "");
    if (auto denied = check_path(permissions, get_string(action.args, name))) return denied;
  }
  return std::nullopt;
}

Verdict allow_by_gate(const CompiledPermissions& permissions, Gate gate) {
  if (gate == Gate::kAgent) return Verdict::allow(std::string(kLayer), "agent");
  auto verdict = Verdict::allow(std::string(kLayer), gate == Gate::kModel ? "model" : "write");
  verdict.source = gate == Gate::kModel ? permissions.models.front().source : permissions.spec.workspace.source;
  return verdict;
}

}  // namespace remit::policy

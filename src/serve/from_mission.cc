#include "serve/from_mission.h"

#include <filesystem>

#include <fmt/format.h>

#include "base/file.h"
#include "base/strings.h"

namespace remit::serve {

namespace {

policy::RuleEffect effect_of(resource::RuleEffect effect) {
  switch (effect) {
    case resource::RuleEffect::kAllow: return policy::RuleEffect::kAllow;
    case resource::RuleEffect::kAsk: return policy::RuleEffect::kAsk;
    case resource::RuleEffect::kDeny: return policy::RuleEffect::kDeny;
  }
  return policy::RuleEffect::kDeny;
}

json::object mission_variable(const resource::Mission& mission) {
  json::object labels;
  for (const auto& [key, value] : mission.metadata.labels) labels[key] = value;
  static constexpr const char* kImportance[] = {"Low", "Normal", "High", "Critical"};
  return {{"name", mission.metadata.name},
          {"namespace", mission.metadata.ns},
          {"goal", mission.spec.goal},
          {"labels", std::move(labels)},
          {"importance", kImportance[static_cast<std::size_t>(mission.spec.importance)]}};
}

ledger::ModelPrice price_of(const resource::Rates& rates) {
  return {rates.input, rates.cached_input.value_or(rates.input), rates.cache_write.value_or(rates.input), rates.output,
          rates.reasoning.value_or(rates.output)};
}

Result<std::string> read_secret(const resource::SecretRef& ref, const std::string& folder,
                                const EnvironmentGetter& environment) {
  if (!ref.env.empty()) {
    if (auto value = environment(ref.env); value && !value->empty()) return *value;
    return fail(Code::kFailedPrecondition,
                fmt::format("the environment variable {} is not set; it should hold the provider's key", ref.env));
  }
  const std::string path = resolve_path(ref.file, folder);
  REMIT_TRY(const auto bytes, read_file(path, 64u << 10));
  return std::string(trim(std::string_view(bytes).substr(0, bytes.find('\n'))));
}

}  // namespace

std::string resolve_path(const std::string& path, const std::string& folder) {
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

std::string manifest_folder_of(const resource::Object& object) {
  const std::string manifest(object.annotation(kManifestAnnotation));
  std::error_code error;
  if (manifest.empty()) return std::filesystem::current_path(error).string();
  return std::filesystem::path(manifest).parent_path().string();
}

policy::PermissionsSpec permissions_of(const resource::Mission& mission, const resource::SourceMap& source) {
  policy::PermissionsSpec spec;
  const auto& permissions = mission.spec.permissions;
  spec.mode = permissions.mode == resource::PermissionMode::kAudit ? policy::Mode::kAudit : policy::Mode::kEnforce;
  spec.source = source.place("spec.permissions");
  for (std::size_t i = 0; i < permissions.rules.size(); ++i) {
    const auto& rule = permissions.rules[i];
    spec.rules.push_back({rule.name, effect_of(rule.effect), rule.tools, rule.when,
                          source.place(fmt::format("spec.permissions.rules[{}]", i))});
  }
  for (std::size_t i = 0; i < permissions.egress.size(); ++i) {
    const auto& rule = permissions.egress[i];
    // A manifest writes an IPv6 address bare; rules read it as in a URL.
    const std::string host = rule.host.find(':') == std::string::npos ? rule.host : "[" + rule.host + "]";
    spec.egress.push_back({rule.name, host, static_cast<std::uint16_t>(rule.port),
                           source.place(fmt::format("spec.permissions.egress[{}]", i))});
  }
  const std::string model = mission.spec.model.name.empty() ? "*" : mission.spec.model.name;
  spec.models.push_back({mission.spec.model.provider_ref.name, model, source.place("spec.model")});
  spec.workspace = {std::string(kWorkspaceTarget), mission.spec.workspace.write, mission.spec.workspace.hide,
                    source.place("spec.workspace")};
  spec.mission = mission_variable(mission);
  return spec;
}

resource::BudgetLimits limits_from(const BudgetChanged& changed) {
  resource::BudgetLimits limits;
  if (changed.limit.cost.value > 0) limits.cost_usd = changed.limit.cost;
  if (changed.limit.tokens > 0) limits.tokens = changed.limit.tokens;
  if (changed.limit.calls > 0) limits.tool_calls = changed.limit.calls;
  if (changed.active_limit > Duration(0)) limits.active_duration = changed.active_limit;
  return limits;
}

ledger::BudgetLimits limits_of(const resource::BudgetLimits& limits) {
  return {{limits.cost_usd.value_or(MicroUsd{0}), limits.tokens.value_or(0), limits.tool_calls.value_or(0)},
          limits.active_duration.value_or(Duration(0))};
}

sandbox::Tier tier_of(resource::Tier tier) {
  switch (tier) {
    case resource::Tier::kProcess: return sandbox::Tier::kProcess;
    case resource::Tier::kGVisor: return sandbox::Tier::kGVisor;
    case resource::Tier::kMicroVm: return sandbox::Tier::kMicroVm;
  }
  return sandbox::Tier::kMicroVm;
}

sandbox::Limits sandbox_limits_of(const resource::Isolation& isolation) {
  sandbox::Limits limits;
  limits.mode = isolation.limits == resource::LimitsMode::kBestEffort ? sandbox::LimitsMode::kBestEffort
                                                                      : sandbox::LimitsMode::kEnforced;
  limits.memory_bytes = static_cast<std::uint64_t>(isolation.memory.bytes);
  limits.pids = static_cast<std::uint32_t>(isolation.pids);
  limits.cpu_percent = static_cast<std::uint32_t>(isolation.cpu.milli / 10);
  limits.file_bytes = static_cast<std::uint64_t>(isolation.disk.bytes);
  limits.wall_time = isolation.timeout;
  return limits;
}

std::vector<agent::CheckSpec> checks_of(const resource::MissionSpec& spec) {
  std::vector<agent::CheckSpec> checks;
  for (const auto& check : spec.checks) checks.push_back({check.name, check.exec.command, check.timeout});
  return checks;
}

std::string briefing_of(const resource::MissionSpec& spec) {
  std::string text = "Your files are the workspace; paths are relative to it.";
  text += spec.workspace.write.empty() ? " You cannot change any file."
                                       : fmt::format(" You may change: {}.", fmt::join(spec.workspace.write, ", "));
  if (spec.permissions.egress.empty()) {
    text += " No network address can be reached.";
  } else {
    text += " Reachable addresses:";
    for (const auto& rule : spec.permissions.egress) text += fmt::format(" {}:{}", rule.host, rule.port);
    text += ".";
  }
  if (!spec.checks.empty()) {
    text += " When you finish, checks that you cannot change decide whether the goal is met:";
    for (const auto& check : spec.checks) text += " " + check.name;
    text += ".";
  }
  return text;
}

void take_waits(models::ProviderConfig& config, const resource::ModelProvider& provider) {
  const auto& timeouts = provider.spec.timeouts;
  config.connect_timeout = timeouts.connect;
  config.first_byte_timeout = timeouts.first_byte;
  config.idle_timeout = timeouts.idle;
  config.total_timeout = timeouts.total;
  config.max_retries = static_cast<int>(provider.spec.max_retries);
}

Result<models::ProviderConfig> provider_of(const resource::ModelProvider& provider, const std::string& folder,
                                           const EnvironmentGetter& environment) {
  models::ProviderConfig config;
  const auto& spec = provider.spec;
  config.name = provider.metadata.name;
  take_waits(config, provider);
  const auto take_endpoint = [&](const std::optional<resource::ProviderEndpoint>& endpoint) -> Result<> {
    if (!endpoint) return {};
    config.base_url = endpoint->base_url;
    if (!endpoint->api_key_ref) return {};
    const auto& ref = *endpoint->api_key_ref;
    REMIT_TRY(auto key, read_secret(ref, folder, environment));
    config.api_key = models::Secret(std::move(key));
    config.api_key_source = ref.env.empty() ? "file " + ref.file : "environment variable " + ref.env;
    return {};
  };
  switch (spec.type) {
    case resource::ProviderType::kOpenAi:
      config.type = models::ProviderType::kOpenAi;
      REMIT_CHECK_OK(take_endpoint(spec.open_ai));
      break;
    case resource::ProviderType::kAnthropic:
      config.type = models::ProviderType::kAnthropic;
      REMIT_CHECK_OK(take_endpoint(spec.anthropic));
      break;
    case resource::ProviderType::kRecorded:
      config.type = models::ProviderType::kRecorded;
      if (spec.recorded) config.recorded_path = resolve_path(spec.recorded->path, folder);
      break;
  }
  return config;
}

Result<> add_prices(ledger::PriceTable& table, const resource::ModelProvider& provider) {
  // The first entry that matches counts in the manifest; in the table the last override does.
  const auto& prices = provider.spec.prices;
  for (auto price = prices.rbegin(); price != prices.rend(); ++price) {
    REMIT_CHECK_OK(table.add_override(provider.metadata.name, price->model, price_of(price->rates)));
  }
  const auto& unknown = provider.spec.unknown_model_price;
  if (unknown.type == resource::UnknownModel::kCeiling && unknown.ceiling)
    table.set_ceiling(price_of(*unknown.ceiling));
  return {};
}

}  // namespace remit::serve

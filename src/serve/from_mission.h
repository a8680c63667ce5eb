// Conversions from the kinds to what the modules of layer 3 take. The modules know nothing of the kinds and of each
// other; here they meet. Pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "agent/checks.h"
#include "ledger/leaf.h"
#include "models/provider_config.h"
#include "policy/rules.h"
#include "resource/mission.h"
#include "resource/model_provider.h"
#include "resource/object.h"
#include "resource/source_map.h"
#include "sandbox/spec.h"

namespace remit::serve {

using EnvironmentGetter = std::function<std::optional<std::string>(std::string_view)>;

// Annotations that `remit run` and `remit apply` put on objects from a file.
inline constexpr const char* kManifestAnnotation = "remit.dev/manifest";     // Absolute path of the file.
inline constexpr const char* kSourceMapAnnotation = "remit.dev/source-map";  // SourceMap as JSON.

// Where the agent sees its workspace.
inline constexpr std::string_view kWorkspaceTarget = "/work";

policy::PermissionsSpec permissions_of(const resource::Mission& mission, const resource::SourceMap& source);
resource::BudgetLimits limits_from(const BudgetChanged& changed);
ledger::BudgetLimits limits_of(const resource::BudgetLimits& limits);
sandbox::Limits sandbox_limits_of(const resource::Isolation& isolation);
sandbox::Tier tier_of(resource::Tier tier);
std::vector<agent::CheckSpec> checks_of(const resource::MissionSpec& spec);
// What the built-in agent is told about its bounds.
std::string briefing_of(const resource::MissionSpec& spec);

// `folder`: what relative paths in the object are relative to. Secrets are read here, at the last moment.
Result<models::ProviderConfig> provider_of(const resource::ModelProvider& provider, const std::string& folder,
                                           const EnvironmentGetter& environment);
// The provider's timeouts and retries.
void take_waits(models::ProviderConfig& config, const resource::ModelProvider& provider);
Result<> add_prices(ledger::PriceTable& table, const resource::ModelProvider& provider);

// The folder that relative paths of an object from a file are relative to; without a file: where the process stands.
std::string manifest_folder_of(const resource::Object& object);
// "a/b" under "/x" → "/x/a/b"; absolute paths stay.
std::string resolve_path(const std::string& path, const std::string& folder);

}  // namespace remit::serve

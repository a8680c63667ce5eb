#include "models/environment.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::models {
namespace {

// An empty variable counts as unset: that is how shells clear one for a single command.
std::string value_of(const EnvironmentGetter& get, std::string_view name) {
  const auto value = get(name);
  return value ? std::string(trim(*value)) : std::string();
}

ProviderConfig vendor(const EnvironmentGetter& get, ProviderType type, std::string_view key_name,
                      std::string_view url_name) {
  ProviderConfig config;
  config.type = type;
  config.base_url = value_of(get, url_name);
  config.api_key = Secret(value_of(get, key_name));
  config.api_key_source = fmt::format("environment variable {}", key_name);
  return config;
}

std::optional<ProviderConfig> find_provider(const EnvironmentGetter& get, std::string_view wanted_model) {
  if (const auto url = value_of(get, "REMIT_MODEL_URL"); !url.empty()) {
    const bool anthropic = url.ends_with("/v1/messages") || url.ends_with("/v1/messages/");
    auto config =
        vendor(get, anthropic ? ProviderType::kAnthropic : ProviderType::kOpenAi, "REMIT_MODEL_KEY", "REMIT_MODEL_URL");
    return config;
  }
  const bool has_anthropic = !value_of(get, "ANTHROPIC_API_KEY").empty();
  const bool has_openai = !value_of(get, "OPENAI_API_KEY").empty();
  if (has_anthropic && (!has_openai || wanted_model.starts_with("claude"))) {
    return vendor(get, ProviderType::kAnthropic, "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL");
  }
  if (has_openai) return vendor(get, ProviderType::kOpenAi, "OPENAI_API_KEY", "OPENAI_BASE_URL");
  return std::nullopt;
}

}  // namespace

Result<ProviderConfig> provider_from_environment(const EnvironmentGetter& get, std::string_view wanted_model) {
  const std::string model = value_of(get, "REMIT_MODEL");
  auto config = find_provider(get, model.empty() ? wanted_model : std::string_view(model));
  if (!config) {
    return fail(Code::kFailedPrecondition,
                "no live model: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or REMIT_MODEL_URL to the address of an "
                "OpenAI-compatible server "
                "(http://127.0.0.1:8000/v1; its key, if any, in REMIT_MODEL_KEY), and REMIT_MODEL to choose the model");
  }
  config->model = model;
  REMIT_CHECK_OK(validate(*config));
  return std::move(*config);
}

}  // namespace remit::models

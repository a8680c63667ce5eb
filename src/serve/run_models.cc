// Which model a run asks, at which prices: the mission's ModelProvider, or with `live` a real one from the environment.
#include <fmt/format.h>

#include "models/environment.h"
#include "models/http_provider.h"
#include "serve/run.h"

namespace remit::serve {

namespace {

// Whose public prices hold for a provider that declares none.
std::string dialect_of(models::ProviderType type) {
  switch (type) {
    case models::ProviderType::kOpenAi: return "openai";
    case models::ProviderType::kAnthropic: return "anthropic";
    case models::ProviderType::kRecorded: return "";
  }
  return "";
}

}  // namespace

Task<Result<>> Run::open_models() {
  models_ = std::make_unique<models::ModelExecutor>(runtime_.executor());
  REMIT_CO_TRY(auto config, co_await choose_provider());
  if (!config) co_return Result<>{};
  dialect_ = dialect_of(config->type);
  const std::string name = config->name;
  if (config->type == models::ProviderType::kRecorded && !options_.record_to.empty()) {
    co_return fail(invalid_argument("--record needs a model that answers, and this mission's is recorded; add --live"));
  }
  auto provider =
      config->type == models::ProviderType::kRecorded ? make_recorded(*config) : make_live(std::move(*config));
  if (!provider) co_return fail(provider.error());
  // A run that could not pay for one answer is refused before it begins; a command may do without.
  if (!is_command() && !mission_.spec.model.name.empty())
    REMIT_CO_CHECK_OK(prices_.find(name, mission_.spec.model.name, dialect_));
  co_return models_->add(std::move(*provider));
}

// Nothing, with no_model_ set, for a command agent without a provider: such an agent may well never call a model.
Task<Result<std::optional<models::ProviderConfig>>> Run::choose_provider() {
  const std::string name = mission_.spec.model.provider_ref.name;
  const std::string& ns = mission_.metadata.ns;
  auto object = co_await runtime_.store().get({std::string(resource::ModelProvider::kKind), ns, name});
  if (!object && object.error().code() != Code::kNotFound) co_return fail(object.error());
  if (!object && !options_.live && is_command()) {
    no_model_ = fmt::format("this run has no model: there is no ModelProvider '{}' in namespace '{}'", name, ns);
    co_return std::nullopt;
  }
  if (!object && !options_.live) {
    co_return fail(object.error().wrap(fmt::format(
        "the mission's model comes from the ModelProvider '{}' in namespace '{}'; declare it, or use --live "
        "with a key in the environment",
        name, ns)));
  }
  std::optional<resource::ModelProvider> declared;
  if (object) {
    REMIT_CO_TRY(declared, resource::from_object<resource::ModelProvider>(*object));
    // Its prices and its ceiling for unknown models hold for a live model too.
    REMIT_CO_CHECK_OK(add_prices(prices_, *declared));
  }
  if (!options_.live) {
    REMIT_CO_TRY(auto config, provider_of(*declared, manifest_folder_of(*object), runtime_.environment()));
    co_return config;
  }
  REMIT_CO_TRY(auto config, models::provider_from_environment(runtime_.environment(), mission_.spec.model.name));
  config.name = name;
  if (declared) take_waits(config, *declared);
  if (!config.model.empty()) mission_.spec.model.name = config.model;
  co_return config;
}

Result<std::unique_ptr<models::Provider>> Run::make_recorded(const models::ProviderConfig& config) {
  REMIT_TRY(auto recording, models::Recording::load(config.recorded_path));
  if (mission_.spec.model.name.empty()) mission_.spec.model.name = recording.header().model;
  if (const auto& prices = recording.header().prices) {
    const ledger::ModelPrice price{prices->input, prices->cached_input, prices->cache_write, prices->output,
                                   prices->reasoning};
    REMIT_CHECK_OK(prices_.add_override(config.name, "*", price));
  }
  const auto mode = options_.refresh_recording ? models::ReplayMode::kRefresh : models::ReplayMode::kStrict;
  REMIT_TRY(auto recorded,
            models::RecordedProvider::make(runtime_.executor(), config.name, std::move(recording), mode));
  if (options_.refresh_recording) refreshed_ = recorded.get();
  recorded_ = true;
  return recorded;
}

Result<std::unique_ptr<models::Provider>> Run::make_live(models::ProviderConfig config) {
  const std::string described = fmt::format("provider {} ({})", config.name, models::to_string(config.type));
  models::RecordingHeader header;
  header.model = mission_.spec.model.name;
  if (auto price = prices_.find(config.name, header.model, dialect_)) {
    header.prices =
        models::ModelPrices{price->input, price->cached_input, price->cache_write, price->output, price->reasoning};
  }
  models::SecretMask secrets;
  secrets.add(config.api_key);
  model_client_ = std::make_unique<http::Client>(runtime_.executor());
  REMIT_TRY(auto provider, models::make_http_provider(runtime_.executor(), std::move(config), *model_client_,
                                                      runtime_.clock(), runtime_.rng()));
  if (options_.record_to.empty()) return provider;
  REMIT_TRY(auto recorder, models::Recorder::make(std::move(provider), described, std::move(header), options_.record_to,
                                                  std::move(secrets), runtime_.clock()));
  recorder_ = recorder.get();
  return recorder;
}

}  // namespace remit::serve

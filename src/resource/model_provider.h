// ModelProvider: where models are reached, with which key, and what they cost. Prices are micro-USD per million tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "resource/meta.h"
#include "resource/quantity.h"

namespace remit::resource {

enum class ProviderType : std::uint8_t { kOpenAi, kAnthropic, kRecorded };
enum class UnknownModel : std::uint8_t { kRefuse, kCeiling };

struct ProviderEndpoint {
  std::string base_url;                  // "https://api.example.com/v1"
  std::optional<SecretRef> api_key_ref;  // Absent: no key is sent.
  friend bool operator==(const ProviderEndpoint&, const ProviderEndpoint&) = default;
};

struct RecordedModel {
  std::string path;  // Relative to the manifest's folder, or absolute.
  friend bool operator==(const RecordedModel&, const RecordedModel&) = default;
};

// An absent cached or cache-write rate is the input rate, an absent reasoning rate the output rate.
struct Rates {
  std::int64_t input = 0;
  std::optional<std::int64_t> cached_input, cache_write;
  std::int64_t output = 0;
  std::optional<std::int64_t> reasoning;
  friend bool operator==(const Rates&, const Rates&) = default;
};

struct ModelPrice {
  std::string model;  // Name or glob; the first entry that matches counts.
  Rates rates;        // Its members stand directly beside `model` on the wire.
  friend bool operator==(const ModelPrice&, const ModelPrice&) = default;
};

struct UnknownModelPrice {
  UnknownModel type = UnknownModel::kRefuse;
  std::optional<Rates> ceiling;
  friend bool operator==(const UnknownModelPrice&, const UnknownModelPrice&) = default;
};

struct ProviderTimeouts {
  Duration connect = std::chrono::seconds(10);
  Duration first_byte = std::chrono::minutes(2);
  Duration idle = std::chrono::minutes(1);  // Between two pieces of a stream.
  Duration total = std::chrono::minutes(10);
  friend bool operator==(const ProviderTimeouts&, const ProviderTimeouts&) = default;
};

struct ModelProviderSpec {
  ProviderType type = ProviderType::kOpenAi;
  std::optional<ProviderEndpoint> open_ai;
  std::optional<ProviderEndpoint> anthropic;
  std::optional<RecordedModel> recorded;
  std::vector<ModelPrice> prices;
  UnknownModelPrice unknown_model_price;
  ProviderTimeouts timeouts;
  std::int64_t max_retries = 3;
  friend bool operator==(const ModelProviderSpec&, const ModelProviderSpec&) = default;
};

struct ModelProviderStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  friend bool operator==(const ModelProviderStatus&, const ModelProviderStatus&) = default;
};

struct ModelProvider {
  static constexpr std::string_view kKind = "ModelProvider";
  ObjectMeta metadata;
  ModelProviderSpec spec;
  ModelProviderStatus status;
  friend bool operator==(const ModelProvider&, const ModelProvider&) = default;
};

}  // namespace remit::resource

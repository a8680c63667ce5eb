#include "models/provider_config.h"

#include <fmt/format.h>

#include <array>

#include "base/strings.h"

namespace remit::models {
namespace {

constexpr std::array<std::string_view, 3> kTypeNames = {"OpenAI", "Anthropic", "Recorded"};

Result<> wrong(const ProviderConfig& config, std::string what) {
  return fail(invalid_argument(fmt::format("model provider '{}': {}", config.name, what)));
}

}  // namespace

std::string_view to_string(ProviderType type) { return kTypeNames[static_cast<std::size_t>(type)]; }

Result<ProviderType> parse_provider_type(std::string_view text) {
  for (std::size_t i = 0; i < kTypeNames.size(); ++i) {
    if (kTypeNames[i] == text) return static_cast<ProviderType>(i);
  }
  return fail(invalid_argument(
      fmt::format("unknown provider type '{}'; known are OpenAI, Anthropic and Recorded", printable(text, 80))));
}

std::string effective_base_url(const ProviderConfig& config) {
  std::string url = config.base_url;
  if (url.empty())
    url = config.type == ProviderType::kAnthropic ? "https://api.anthropic.com" : "https://api.openai.com/v1";
  while (url.ends_with('/')) url.pop_back();
  for (const std::string_view endpoint : {"/chat/completions", "/v1/messages"}) {
    if (url.ends_with(endpoint)) url.resize(url.size() - endpoint.size());
  }
  // Both spellings of the vendor's own address are in use.
  if (config.type == ProviderType::kAnthropic && url.ends_with("/v1")) url.resize(url.size() - 3);
  // "http://host:8000" of an OpenAI-compatible server means its usual path.
  const auto scheme = url.find("://");
  if (config.type == ProviderType::kOpenAi && scheme != std::string::npos &&
      url.find('/', scheme + 3) == std::string::npos)
    url += "/v1";
  return url;
}

Result<> validate(const ProviderConfig& config) {
  if (config.name.empty()) return fail(invalid_argument("a model provider has no name"));
  if (config.type == ProviderType::kRecorded) {
    if (config.recorded_path.empty()) return wrong(config, "a recorded provider needs the path of its recording");
    return {};
  }
  const std::string url = effective_base_url(config);
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    return wrong(config, fmt::format("the address '{}' does not begin with http:// or https://", printable(url, 200)));
  }
  if (config.max_retries < 0 || config.max_retries > limits::kRetries) {
    return wrong(config, fmt::format("maxRetries is {}, allowed are 0 to {}", config.max_retries, limits::kRetries));
  }
  if (config.max_retry_wait > limits::kRetryWait) return wrong(config, "maxRetryWait is over the limit of 5 minutes");
  const Duration waits[] = {config.connect_timeout, config.first_byte_timeout, config.idle_timeout,
                            config.total_timeout};
  for (const auto wait : waits) {
    if (wait <= Duration::zero()) return wrong(config, "every timeout must be longer than zero");
  }
  if (config.max_concurrent_calls == 0 || config.max_concurrent_calls > limits::kConcurrentCalls) {
    return wrong(config, fmt::format("maxConcurrentCalls must be 1 to {}", limits::kConcurrentCalls));
  }
  // A line break in a header would let the configuration write a request of its own.
  for (const auto& [name, value] : config.headers) {
    if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos)
      return wrong(config, "a header has no name or holds a line break");
  }
  if (config.api_key.reveal().find_first_of("\r\n \t") != std::string::npos) {
    return wrong(config, fmt::format("the key in {} holds white space; was it cut or copied with a line break?",
                                     config.api_key_source));
  }
  return {};
}

}  // namespace remit::models

// ProviderConfig: everything that one model provider is told, as a plain value. The composition makes it from a
// ModelProvider object, from the environment (environment.h) or from flags. Durations are wall time; counts have no
// unit.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "models/limits.h"
#include "models/secret.h"

namespace remit::models {

enum class ProviderType : std::uint8_t { kOpenAi, kAnthropic, kRecorded };
std::string_view to_string(ProviderType type);  // "OpenAI", "Anthropic", "Recorded"
Result<ProviderType> parse_provider_type(std::string_view text);

struct ProviderConfig {
  std::string name = "default";
  ProviderType type = ProviderType::kOpenAi;
  // Up to, not including, "/chat/completions" (OpenAI) or "/v1/messages" (Anthropic); "" is the vendor's own address.
  std::string base_url;
  Secret api_key;              // Empty: no key is sent, as local servers like it.
  std::string api_key_source;  // "environment variable OPENAI_API_KEY": what an error names instead of the key.
  std::string model;           // For requests that name none.
  std::string recorded_path;   // Recorded only.
  std::vector<std::pair<std::string, std::string>> headers;  // Sent with each request (organisation, beta features).

  Duration connect_timeout = std::chrono::seconds(10);
  Duration first_byte_timeout = std::chrono::minutes(5);  // From the request sent to the first byte of the answer.
  Duration idle_timeout = std::chrono::minutes(2);        // Between two pieces of a stream.
  Duration total_timeout =
      std::chrono::minutes(20);  // One call with all its retries; a nearer deadline of the call wins.
  int max_retries = 4;           // At most limits::kRetries.
  Duration retry_base_wait =
      std::chrono::milliseconds(500);  // Doubles with each retry; the wait is drawn from [0, it].
  Duration max_retry_wait =
      std::chrono::seconds(30);  // A Retry-After beyond it is not waited for: the call fails and says so.

  std::size_t max_concurrent_calls = limits::kConcurrentCalls;
  std::int64_t default_max_output_tokens = limits::kDefaultOutputTokens;  // Anthropic only, whose API demands a number.
  bool prompt_caching =
      true;                  // Anthropic only: mark the end of the system prompt and of the conversation for the cache.
  bool stream_usage = true;  // OpenAI only: ask for usage in the stream; some servers refuse the member.
};

// The vendor's address when base_url is empty, without a final slash and without the path of a whole endpoint.
std::string effective_base_url(const ProviderConfig& config);
// Says which member is wrong and what it should be.
Result<> validate(const ProviderConfig& config);

}  // namespace remit::models

// What a provider's HTTP answer means when it is not an answer, in words that say what to do. Private to the models
// module.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "models/provider_config.h"
#include "models/stream_decoder.h"

namespace remit::models::wire {

struct FailedAnswer {
  int status = 0;
  std::string_view retry_after;     // The header's value.
  std::string_view retry_after_ms;  // OpenAI's own.
  std::string_view should_retry;    // x-should-retry, of both vendors: "true" or "false".
  std::string_view location;
  std::string_view body;
};

// `model`: what was asked for. Secrets in the quoted body are masked.
UpstreamFailure explain_status(const ProviderConfig& config, std::string_view model, const FailedAnswer& answer,
                               WallTime now);
// A failure below HTTP: no connection, cut off before an answer, too slow.
UpstreamFailure explain_transport(const ProviderConfig& config, const Error& error);
// RFC 9110, section 10.2.3: seconds, or a date in the form of RFC 9110's IMF-fixdate. A date in the past is zero.
std::optional<Duration> parse_retry_after(std::string_view value, WallTime now);

}  // namespace remit::models::wire

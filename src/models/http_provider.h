// HttpProvider: a live provider over HTTP. Always streams upstream. Retries with full jitter (connection errors, 408,
// 409, 429, 5xx, overloaded) as long as no event was passed on, and never after. Every wait is bounded: connection,
// first byte, silence between events, the whole call. One shard's thread. The client, clock and random numbers must
// outlive the provider, and the provider its calls.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "models/provider.h"
#include "models/provider_config.h"

namespace remit::http {
class Client;
}

namespace remit::models {

// Fails when the configuration is not valid (validate()).
Result<std::unique_ptr<Provider>> make_http_provider(asio::any_io_executor executor, ProviderConfig config,
                                                     http::Client& client, Clock& clock, Rng& rng);

}  // namespace remit::models

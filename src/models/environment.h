// What `--live` finds in the environment: which provider to use, where, and with which key.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "models/provider_config.h"

namespace remit::models {

using EnvironmentGetter = std::function<std::optional<std::string>(std::string_view name)>;

// The first of these that is set and not empty:
//   REMIT_MODEL_URL    any server; REMIT_MODEL_KEY its key. The dialect is Anthropic when the address ends in
//   /v1/messages, else OpenAI ANTHROPIC_API_KEY  with ANTHROPIC_BASE_URL OPENAI_API_KEY     with OPENAI_BASE_URL
// REMIT_MODEL names the model. When both vendors' keys are set, `wanted_model` decides: a name that begins with
// "claude" is Anthropic's, any other OpenAI's. kFailedPrecondition, with what to set, when there is none.
Result<ProviderConfig> provider_from_environment(const EnvironmentGetter& get, std::string_view wanted_model = "");

}  // namespace remit::models

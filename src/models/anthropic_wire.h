// The Anthropic Messages dialect (POST /v1/messages, version 2023-06-01), towards a provider. Written from the public
// API reference.
//
// usage.input_tokens of this dialect excludes cached tokens; ours includes them. Assistant messages keep their content
// blocks in extra["anthropic_content"], so that thinking blocks go back with their signatures. Options in request.extra
// are taken in the OpenAI spelling where both dialects have them (temperature, top_p, stop, tool_choice,
// parallel_tool_calls, user) and as they are otherwise (thinking, top_k …).
#pragma once

#include <memory>

#include "base/json.h"
#include "base/result.h"
#include "core/model.h"
#include "models/stream_decoder.h"

namespace remit::models {

struct AnthropicOptions {
  bool stream = true;
  bool prompt_caching = true;
  std::int64_t default_max_output_tokens = 8192;
};

// kInvalidArgument for what this dialect cannot say (images given in OpenAI's form, response_format).
Result<json::object> encode_anthropic_request(const ModelRequest& request, const AnthropicOptions& options);
Result<ModelResponse> decode_anthropic_response(const json::object& body);
std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder();

}  // namespace remit::models

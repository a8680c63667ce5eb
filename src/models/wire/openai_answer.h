// What whole and streamed Chat Completions answers share. Private to the models module.
#pragma once

#include <optional>
#include <string_view>

#include "base/json.h"
#include "core/model.h"
#include "models/stream_decoder.h"

namespace remit::models::wire {

StopReason openai_stop(std::string_view finish_reason);
// nullopt when the object does not tell both prompt_tokens and completion_tokens.
std::optional<Usage> openai_usage(const json::object& usage);
// The failure that an {"error": …} member describes.
UpstreamFailure openai_failure(const json::value& error);
// Text of `content`, which is a string, null, or an array of parts of which the text ones count.
std::string openai_content_text(const json::value* content);
// Members of a message or delta that the decoder itself takes; the rest belongs into `extra`.
bool is_known_openai_member(std::string_view key);

}  // namespace remit::models::wire

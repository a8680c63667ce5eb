// An estimate of tokens for when the provider does not tell: four bytes of ASCII text or one other character make a
// token, rounded up. Tokenizers of today's models stay below it on prose and near it on code. For reports only; what is
// not known is charged in full by the ledger.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/model.h"

namespace remit::models {

std::int64_t estimate_tokens(std::string_view text);
// Everything that the request sends: messages, tool uses, tool schemas.
std::int64_t estimate_tokens(const ModelRequest& request);
// Text, reasoning and tool uses.
std::int64_t estimate_tokens(const Message& message);
// What a stream that broke off has used as far as we know: the whole prompt and `seen_bytes` of output.
Usage estimate_usage(const ModelRequest& request, std::size_t seen_bytes);

}  // namespace remit::models

#include "models/token_estimate.h"

namespace remit::models {
namespace {

constexpr std::int64_t kBytesPerToken = 4;
constexpr std::int64_t kMessageOverheadTokens = 4;  // Role and separators.

}  // namespace

std::int64_t estimate_tokens(std::string_view text) {
  std::int64_t ascii = 0, other = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) ++ascii;
    if (byte >= 0xc0) ++other;  // The first byte of a longer UTF-8 sequence.
  }
  return (ascii + kBytesPerToken - 1) / kBytesPerToken + other;
}

std::int64_t estimate_tokens(const Message& message) {
  std::int64_t tokens = estimate_tokens(message.text) + estimate_tokens(message.reasoning);
  for (const auto& use : message.tool_uses) tokens += estimate_tokens(use.name) + estimate_tokens(use.arguments);
  return tokens;
}

std::int64_t estimate_tokens(const ModelRequest& request) {
  std::int64_t tokens = 0;
  for (const auto& message : request.messages) {
    tokens += kMessageOverheadTokens + estimate_tokens(message);
    if (!message.extra.empty()) tokens += estimate_tokens(to_json(message.extra));
  }
  for (const auto& tool : request.tools) {
    tokens +=
        estimate_tokens(tool.name) + estimate_tokens(tool.description) + estimate_tokens(to_json(tool.input_schema));
  }
  return tokens;
}

Usage estimate_usage(const ModelRequest& request, std::size_t seen_bytes) {
  Usage usage;
  usage.input = estimate_tokens(request);
  usage.output = (static_cast<std::int64_t>(seen_bytes) + kBytesPerToken - 1) / kBytesPerToken;
  return usage;
}

}  // namespace remit::models

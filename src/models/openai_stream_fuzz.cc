// Any bytes as a streamed Chat Completions answer: what was passed on must be what the answer holds.
#include <cstdlib>

#include "http/sse.h"
#include "models/openai_wire.h"

using namespace remit;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  http::SseParser parser;
  if (!parser.push({reinterpret_cast<const char*>(data), size})) return 0;
  const auto decoder = models::make_openai_stream_decoder();
  std::vector<Event> events;
  while (auto event = parser.next()) {
    if (!decoder->feed(event->event, event->data, events)) break;
  }
  std::string text, reasoning;
  std::size_t uses = 0;
  for (const auto& event : events) {
    if (const auto* chunk = std::get_if<Chunk>(&event))
      (chunk->stream == Chunk::Stream::kText ? text : reasoning) += chunk->bytes;
    if (const auto* proposed = std::get_if<ProposedAction>(&event)) {
      ++uses;
      if (proposed->use.id.empty()) std::abort();
    }
  }
  const auto response = decoder->take();
  if (text != response.message.text || reasoning != response.message.reasoning ||
      uses != response.message.tool_uses.size())
    std::abort();
  if (response.usage.cached_input + response.usage.cache_write > response.usage.input) std::abort();
  return 0;
}

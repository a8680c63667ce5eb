// Any bytes as an event stream: cutting must not change the events, and what we write of them must come back the same.
#include <cstdlib>

#include "http/sse.h"

namespace {

using namespace remit::http;

std::vector<SseEvent> parse(std::string_view bytes, std::size_t step) {
  SseParser parser;
  std::vector<SseEvent> events;
  while (!bytes.empty()) {
    const std::size_t size = std::min(step, bytes.size());
    if (!parser.push(bytes.substr(0, size))) break;
    bytes.remove_prefix(size);
    while (auto event = parser.next()) events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::vector<SseEvent> events = parse(bytes, size + 1);
  if (events != parse(bytes, 1)) std::abort();
  for (const SseEvent& event : events) {
    // NUL in a name is dropped on the way out; nothing else changes.
    if (event.event.find('\0') != std::string::npos) continue;
    const std::vector<SseEvent> again = parse(format_sse(event), SIZE_MAX);
    if (again.size() != 1 || again[0] != event) std::abort();
  }
  return 0;
}

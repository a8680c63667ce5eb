#include <cstdlib>

#include "base/strings.h"
#include "gateway/openai_decode.h"
#include "gateway/trace_parent.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto trace = gateway::parse_trace_parent(text); !trace.empty() && trace.size() != 55) std::abort();
  const auto call = gateway::decode_chat_call(text, "default");
  if (!call) {
    if (call.error().message().empty()) std::abort();
    return 0;
  }
  // What is proposed can be recorded and read back as the same action.
  const auto again = action_from_json(to_json_object(call->action));
  if (!again || again->hash() != call->action.hash() || !is_valid_utf8(call->action.resource)) std::abort();
  return 0;
}

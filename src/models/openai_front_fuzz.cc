// Any JSON as a client's Chat Completions request: what is accepted can be sent on, and is accepted again.
#include <cstdlib>

#include "models/openai_wire.h"

using namespace remit;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto body = parse_json_object({reinterpret_cast<const char*>(data), size});
  if (!body) return 0;
  const auto decoded = models::decode_openai_request(*body);
  if (!decoded) return 0;
  const auto encoded = models::encode_openai_request(decoded->request, {});
  if (!encoded) std::abort();
  const auto again = models::decode_openai_request(*encoded);
  if (!again || again->request.messages.size() != decoded->request.messages.size()) std::abort();
  return 0;
}

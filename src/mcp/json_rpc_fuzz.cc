#include <cstdlib>

#include "base/strings.h"
#include "mcp/json_rpc.h"

using namespace remit;
using namespace remit::mcp;

namespace {

// What was read, written again, reads as the same.
void check_round_trip(const RpcMessage& message) {
  json::object written;
  if (const auto* request = std::get_if<RpcRequest>(&message)) written = encode_request(*request);
  if (const auto* notification = std::get_if<RpcNotification>(&message))
    written = encode_notification(notification->method, notification->params);
  if (const auto* response = std::get_if<RpcResponse>(&message)) {
    written = response->result ? encode_result(response->id, *response->result)
                               : encode_error(response->id, response->result.error());
  }
  const auto again = decode_message(json::value(written));
  if (!again || again->index() != message.index()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto body = decode_body({reinterpret_cast<const char*>(data), size});
  if (!body) {
    if (body.error().error.message.empty() ||
        !is_valid_utf8(to_json(encode_error(body.error().id, body.error().error))))
      std::abort();
    return 0;
  }
  for (const auto& message : body->messages) {
    if (message) check_round_trip(*message);
  }
  return 0;
}

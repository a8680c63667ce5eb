#include "gateway/openai_decode.h"

#include "base/strings.h"
#include "models/openai_wire.h"

namespace remit::gateway {

Result<ChatCall> decode_chat_call(std::string_view body, std::string provider) {
  REMIT_TRY(const auto object, parse_json_object(body));
  REMIT_TRY(auto decoded, models::decode_openai_request(object));
  auto request = std::make_shared<ModelRequest>(std::move(decoded.request));
  request->provider = std::move(provider);
  ChatCall call;
  call.model = request->model;
  call.stream = decoded.stream;
  call.include_usage = decoded.include_usage;
  Action& action = call.action;
  action.kind = ActionKind::kModelCall;
  action.channel = "openai";
  action.tool = "model.call";
  action.resource = printable(request->model, 200);
  // The digest ties a grant to this very request: rules see a summary only.
  action.args = {{"model", to_valid_utf8(request->model)},
                 {"provider", request->provider},
                 {"messages", request->messages.size()},
                 {"maxOutputTokens", request->max_output_tokens},
                 {"sha256", sha256_hex(canonical_json(to_json_object(*request)))}};
  action.model_request = std::move(request);
  return call;
}

}  // namespace remit::gateway

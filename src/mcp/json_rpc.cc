#include "mcp/json_rpc.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::mcp {
namespace {

std::unexpected<RpcFault> fault(int code, std::string message, std::optional<RequestId> id = std::nullopt) {
  return std::unexpected(RpcFault{{code, std::move(message), nullptr}, std::move(id)});
}

std::expected<json::object, RpcFault> take_params(const json::object& object, const std::optional<RequestId>& id) {
  const auto* params = find(object, "params");
  if (!params) return json::object();
  if (!params->is_object()) return fault(kInvalidRequest, "params: expected an object", id);
  return params->get_object();
}

DecodedMessage decode_call(const json::object& object, const json::value& method, std::optional<RequestId> id) {
  if (!method.is_string() || method.get_string().empty()) return fault(kInvalidRequest, "method: expected text", id);
  if (method.get_string().size() > kMethodBytes) {
    return fault(kInvalidRequest, fmt::format("method: longer than {} bytes, the limit", kMethodBytes), id);
  }
  auto params = take_params(object, id);
  if (!params) return std::unexpected(params.error());
  std::string name(method.get_string());
  if (id) return RpcRequest{std::move(*id), std::move(name), std::move(*params)};
  return RpcNotification{std::move(name), std::move(*params)};
}

DecodedMessage decode_response(const json::object& object, std::optional<RequestId> id) {
  const auto* result = find(object, "result");
  const auto* error = find(object, "error");
  if (!result == !error)
    return fault(kInvalidRequest, "expected a method, or else exactly one of result and error", id);
  if (!id) return fault(kInvalidRequest, "id: a response needs the id of its request");
  if (result) return RpcResponse{std::move(*id), *result};
  const auto* details = error->if_object();
  if (!details) return fault(kInvalidRequest, "error: expected an object", id);
  RpcError rpc{static_cast<int>(get_int(*details, "code", kInternalError)),
               std::string(get_string(*details, "message")), nullptr};
  if (const auto* data = find(*details, "data")) rpc.data = *data;
  return RpcResponse{std::move(*id), std::unexpected(std::move(rpc))};
}

}  // namespace

json::value to_json_value(const RequestId& id) {
  if (const auto* number = std::get_if<std::int64_t>(&id)) return *number;
  return json::value(jsv(std::get<std::string>(id)));
}

std::optional<RequestId> request_id_from_json(const json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  if (const auto* text = value.if_string(); text && text->size() <= kIdBytes) return std::string(*text);
  return std::nullopt;
}

DecodedMessage decode_message(const json::value& value) {
  const auto* object = value.if_object();
  if (!object) return fault(kInvalidRequest, "expected a JSON-RPC message: an object with jsonrpc, method, params");
  std::optional<RequestId> id;
  const auto* raw_id = find(*object, "id");
  if (raw_id) id = request_id_from_json(*raw_id);
  if (get_string(*object, "jsonrpc") != "2.0") return fault(kInvalidRequest, "jsonrpc: expected \"2.0\"", id);
  if (raw_id && !id)
    return fault(kInvalidRequest, fmt::format("id: expected a whole number, or text of at most {} bytes", kIdBytes));
  if (const auto* method = find(*object, "method")) return decode_call(*object, *method, std::move(id));
  return decode_response(*object, std::move(id));
}

std::expected<RpcBody, RpcFault> decode_body(std::string_view text) {
  if (text.size() > kMessageBytes)
    return fault(kInvalidRequest, fmt::format("the message is longer than {} bytes, the limit", kMessageBytes));
  auto value = parse_json(text);
  if (!value) return fault(kParseError, value.error().to_string());
  RpcBody body;
  const auto* batch = value->if_array();
  if (!batch) {
    body.messages.push_back(decode_message(*value));
    return body;
  }
  if (batch->empty()) return fault(kInvalidRequest, "a batch holds at least one message");
  if (batch->size() > kBatchMessages)
    return fault(kInvalidRequest, fmt::format("a batch holds at most {} messages", kBatchMessages));
  body.batch = true;
  for (const auto& message : *batch) body.messages.push_back(decode_message(message));
  return body;
}

json::object encode_result(const RequestId& id, json::value result) {
  return {{"jsonrpc", "2.0"}, {"id", to_json_value(id)}, {"result", std::move(result)}};
}

json::object encode_error(const std::optional<RequestId>& id, const RpcError& error) {
  json::object body{{"code", error.code}, {"message", to_valid_utf8(error.message)}};
  if (!error.data.is_null()) body["data"] = error.data;
  return {{"jsonrpc", "2.0"}, {"id", id ? to_json_value(*id) : json::value(nullptr)}, {"error", std::move(body)}};
}

json::object encode_request(const RpcRequest& request) {
  return {
      {"jsonrpc", "2.0"}, {"id", to_json_value(request.id)}, {"method", request.method}, {"params", request.params}};
}

json::object encode_notification(std::string_view method, json::object params) {
  return {{"jsonrpc", "2.0"}, {"method", jsv(method)}, {"params", std::move(params)}};
}

}  // namespace remit::mcp

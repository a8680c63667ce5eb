// JSON-RPC 2.0 (jsonrpc.org/specification, 2013) as MCP uses it: ids are text or whole numbers and never null, params
// are objects. Plain values, no I/O, any thread. What comes from outside is checked against mcp/limits.h.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "mcp/limits.h"

namespace remit::mcp {

using RequestId = std::variant<std::int64_t, std::string>;
json::value to_json_value(const RequestId& id);
// nullopt for anything but a whole number or text of at most kIdBytes. Progress tokens have the same form.
std::optional<RequestId> request_id_from_json(const json::value& value);

// The codes of JSON-RPC, and MCP's own.
inline constexpr int kParseError = -32700;
inline constexpr int kInvalidRequest = -32600;
inline constexpr int kMethodNotFound = -32601;
inline constexpr int kInvalidParams = -32602;
inline constexpr int kInternalError = -32603;

struct RpcError {
  int code = kInternalError;
  std::string message;
  json::value data;  // null: none.
};

struct RpcRequest {
  RequestId id;
  std::string method;
  json::object params;
};

struct RpcNotification {
  std::string method;
  json::object params;
};

struct RpcResponse {
  RequestId id;
  std::expected<json::value, RpcError> result;
};

using RpcMessage = std::variant<RpcRequest, RpcNotification, RpcResponse>;

// Why bytes are no message, as the answer to their sender; `id` when it could still be read.
struct RpcFault {
  RpcError error;
  std::optional<RequestId> id;
};

using DecodedMessage = std::expected<RpcMessage, RpcFault>;
DecodedMessage decode_message(const json::value& value);

// The body of one POST: one message, or a batch of at most kBatchMessages. Whether a batch may be sent is the session's
// matter.
struct RpcBody {
  bool batch = false;
  std::vector<DecodedMessage> messages;
};
std::expected<RpcBody, RpcFault> decode_body(std::string_view text);

json::object encode_result(const RequestId& id, json::value result);
// Without an id the answer carries null, as the standard has it for what could not be read.
json::object encode_error(const std::optional<RequestId>& id, const RpcError& error);
json::object encode_request(const RpcRequest& request);
json::object encode_notification(std::string_view method, json::object params);

}  // namespace remit::mcp

// Events of a tool call → MCP: a JSON answer, or an event stream with progress and log messages before the answer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gateway/door.h"
#include "mcp/server_session.h"

namespace remit::gateway {

// A JSON-RPC error as the body of an answer.
http::Response mcp_error(int status, const std::optional<mcp::RequestId>& id, const mcp::RpcError& error);

// Takes the one answer to a call and keeps it, for a batch.
struct McpAnswer {
  std::optional<json::object> message;  // None for a call that its client cancelled.
};

struct McpCallParts {
  mcp::step::CallTool call;
  std::string tool;
  Clock& clock;
  bool takes_stream = false;  // The client reads event streams.
};

// `session` is kept alive; `response` must outlive the encoder.
std::shared_ptr<Encoder> make_mcp_answer(http::ResponseWriter& response, std::shared_ptr<mcp::ServerSession> session,
                                         McpCallParts parts);
std::shared_ptr<Encoder> make_mcp_batch_part(std::shared_ptr<McpAnswer> answer,
                                             std::shared_ptr<mcp::ServerSession> session, mcp::RequestId id);

}  // namespace remit::gateway

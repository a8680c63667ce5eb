// MCP's tools/list and tools/call → tool descriptions and Actions. Pure; one thread.
#pragma once

#include <expected>
#include <string>
#include <variant>
#include <vector>

#include "core/action.h"
#include "gateway/door.h"
#include "mcp/server_session.h"

namespace remit::gateway {

// The tools that this run's agent may use, by their model names, in a stable order.
std::vector<mcp::ToolDescription> describe_tools(const Corridor& corridor);

// An unknown tool is a protocol error (RpcError); wrong arguments are a result that says what to send instead, so that
// the model can mend its call. A tool that the agent is not shown can be called all the same: it is judged like any.
using ToolFault = std::variant<mcp::RpcError, mcp::ToolResult>;
std::expected<Action, ToolFault> decode_tool_call(const Corridor& corridor, const mcp::step::CallTool& call);

}  // namespace remit::gateway

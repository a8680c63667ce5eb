// The front door for MCP clients: Streamable HTTP at /mcp, protocol versions 2025-03-26 to 2025-11-25.
//
// POST carries messages in; a call is answered as JSON, or as an event stream once it lasts or reports progress. There
// is no stream for messages without a request, so that GET is 405, as the specification allows. DELETE ends a session
// and cancels its calls. A dropped connection cancels nothing, as the specification says; notifications/cancelled does.
#pragma once

#include <memory>

#include "gateway/door.h"

namespace remit::gateway {

std::unique_ptr<Door> make_mcp_door(std::shared_ptr<Corridor> corridor);

}  // namespace remit::gateway

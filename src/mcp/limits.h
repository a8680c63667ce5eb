// The limits of MCP messages and sessions; LIMITS.md lists them with the rest.
#pragma once

#include <cstddef>

namespace remit::mcp {

inline constexpr std::size_t kMessageBytes =
    9u << 20;                                 // One JSON-RPC message, or one batch: a call's arguments may be 8 MiB.
inline constexpr std::size_t kIdBytes = 256;  // Of a request id or progress token that is text.
inline constexpr std::size_t kMethodBytes = 128;
inline constexpr std::size_t kToolNameBytes = 128;
inline constexpr std::size_t kBatchMessages = 64;  // 2025-03-26 only; later versions know no batches.
inline constexpr std::size_t kToolsPerPage = 100;
inline constexpr std::size_t kOpenRequests = 64;      // Calls of one session that are under way at once.
inline constexpr std::size_t kClientNameBytes = 256;  // Of what a client says it is; the rest is cut.

}  // namespace remit::mcp

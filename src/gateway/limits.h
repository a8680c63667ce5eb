// The limits and intervals of the front doors; LIMITS.md lists them with the rest.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace remit::gateway {

inline constexpr std::size_t kModelRequestBytes = 24u << 20;  // Body of one model request.
inline constexpr std::size_t kConnections = 256;              // Of one gateway, over all its sockets.
inline constexpr std::size_t kSessions = 64;      // MCP sessions of one run; the longest idle one makes room.
inline constexpr std::size_t kKeyBytes = 512;     // A longer key is wrong without being compared.
inline constexpr std::size_t kPumpedEvents = 16;  // Events between a call and a slow client.

struct GatewayLimits {
  std::size_t model_request_bytes = kModelRequestBytes;
  std::size_t connections = kConnections;
  std::size_t sessions = kSessions;
  // A stream in which nothing happens says this often that it lives; an MCP call reports its progress as often.
  Duration keep_alive = std::chrono::seconds(5);
};

}  // namespace remit::gateway

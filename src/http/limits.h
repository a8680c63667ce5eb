// The limits and time-outs of HTTP. Defaults that a server or a client starts from.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace remit::http {

inline constexpr std::size_t kHeadBytes = 32u << 10;  // Start line and header fields of one message.
inline constexpr std::size_t kHeaderCount = 128;      // Header fields of one message; trailer fields as well.
inline constexpr std::size_t kMethodBytes = 32;
inline constexpr std::size_t kUrlBytes = 16u << 10;
inline constexpr std::size_t kServerBodyBytes = 32u << 20;  // Request body that a server accepts.
inline constexpr std::size_t kClientBodyBytes = 32u << 20;  // Response body that fetch() collects.
inline constexpr std::size_t kChunkLineBytes = 256;         // "size;extensions" of one chunk.
inline constexpr std::size_t kTrailerBytes = 8u << 10;
inline constexpr std::size_t kReadBytes = 64u << 10;     // Largest piece that read_some() returns.
inline constexpr std::size_t kServerConnections = 1024;  // Per Server.
inline constexpr std::size_t kRequestsPerConnection = 1'000'000;
inline constexpr std::size_t kDrainBytes = 256u << 10;  // Of an unread body, read and thrown away to keep a connection.
inline constexpr std::size_t kConnectionsPerOrigin = 64;  // Of a Client, in use and idle together.
inline constexpr std::size_t kIdlePerOrigin = 16;
inline constexpr std::size_t kWaitersPerOrigin = 1024;  // Calls that wait for a connection.
inline constexpr std::size_t kOrigins = 256;            // Pools that a Client keeps.
inline constexpr std::size_t kAddressesPerHost = 8;     // Of a host, tried one after the other.
inline constexpr std::size_t kConcurrentResolves =
    64;  // Of a Client; a resolve that was given up counts until the system ends it.
inline constexpr std::size_t kInterimResponses = 8;      // 1xx before the answer.
inline constexpr std::size_t kSseEventBytes = 8u << 20;  // Fields of one event together.
inline constexpr std::size_t kSseLineBytes = 8u << 20;

struct ServerLimits {
  std::size_t head_bytes = kHeadBytes;
  std::size_t header_count = kHeaderCount;
  std::size_t body_bytes = kServerBodyBytes;
  std::size_t connections = kServerConnections;
  std::size_t requests_per_connection = kRequestsPerConnection;
};

// A time-out fires at most kTimerSlack late.
inline constexpr Duration kTimerSlack = std::chrono::milliseconds(10);

struct ServerTimeouts {
  Duration head = std::chrono::seconds(10);        // From the first byte of a head (or from accept) to its last.
  Duration idle = std::chrono::seconds(75);        // A kept connection without a request.
  Duration body_gap = std::chrono::seconds(30);    // Between two pieces of a request body.
  Duration body_total = std::chrono::minutes(10);  // A whole request body.
  Duration write = std::chrono::seconds(30);       // One write that makes no progress.
  Duration linger = std::chrono::seconds(2);       // After a refused request, for the peer to read why.
};

}  // namespace remit::http

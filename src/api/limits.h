// The limits of this module; each has a test that hits it. What goes over one is refused with a Status that names it.
#pragma once

#include <chrono>
#include <cstddef>

#include "base/clock.h"

namespace remit::api {

inline constexpr std::size_t kRequestBytes = 3u << 20;    // Body of one request, as in Kubernetes.
inline constexpr std::size_t kTargetBytes = 8u << 10;     // Path and query.
inline constexpr std::size_t kQueryParameters = 32;       // Of one request.
inline constexpr std::size_t kWatchStreams = 128;         // Open watches of one server; the store itself takes 256.
inline constexpr std::size_t kLogStreams = 64;            // Logs that are being read through one server.
inline constexpr std::size_t kLogPieceBytes = 64u << 10;  // Read of a log between two writes.
inline constexpr std::size_t kWatchLineBytes = 2u << 20;  // One event of a watch, as a client takes it.
inline constexpr std::size_t kMessageBytes = 16u << 10;   // Message of one Status.
inline constexpr std::size_t kKeyFileBytes = 4096;
inline constexpr std::size_t kKeyBytes = 32;  // Random bytes of a new key.

inline constexpr Duration kWatchLongest =
    std::chrono::minutes(30);  // A watch is ended after this; clients go on from where it stopped.
inline constexpr Duration kCallTimeout = std::chrono::seconds(30);  // Of a client's call that is no stream.

}  // namespace remit::api

// The limits of the models module. Bytes, counts and Durations; LIMITS.md lists them with the rest.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace remit::models::limits {

// Text, reasoning and arguments of one answer together; the answer is cut off there with an error.
inline constexpr std::size_t kAnswerBytes = 16u << 20;
inline constexpr std::size_t kStreamEventBytes = 4u << 20;  // One server-sent event.
inline constexpr std::size_t kToolUsesPerAnswer = 128;
inline constexpr std::size_t kContentBlocksPerAnswer = 1024;
// What is read of an answer that is an error, and what of it a message quotes.
inline constexpr std::size_t kErrorBodyBytes = 16u << 10;
inline constexpr std::size_t kErrorExcerptBytes = 400;
// Retries of one call beyond its first attempt, whatever the configuration says.
inline constexpr int kRetries = 10;
inline constexpr Duration kRetryWait = std::chrono::minutes(5);
// Anthropic's dialect demands a limit; this one is sent when the request has none.
inline constexpr std::int64_t kDefaultOutputTokens = 8192;
// Calls that run at once against one provider; the next ones wait, and beyond the queue they are refused.
inline constexpr std::size_t kConcurrentCalls = 64;
inline constexpr std::size_t kQueuedCalls = 1024;
inline constexpr std::size_t kProviders = 64;

inline constexpr std::size_t kRecordingBytes = 64u << 20;
inline constexpr std::size_t kRecordingTurns = 20'000;
inline constexpr std::size_t kVolatilePatterns = 64;
inline constexpr std::size_t kVolatilePatternBytes = 1024;
// The size of the pieces in which a recorded answer streams, never inside a UTF-8 sequence.
inline constexpr std::size_t kRecordedChunkBytes = 48;

// Front door: what one client request may hold.
inline constexpr std::size_t kMessages = 10'000;
inline constexpr std::size_t kTools = 512;

}  // namespace remit::models::limits

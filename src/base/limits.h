// The limits that more than one module needs. A limit of one module stands in that module's own header; LIMITS.md lists
// them all.
#pragma once

#include <cstddef>

namespace remit::limits {

inline constexpr std::size_t kJsonBytes = 32u << 20;
inline constexpr std::size_t kJsonDepth = 64;
inline constexpr std::size_t kPathBytes = 4096;
// What an agent gets back from one tool call, and what one record of the run log may hold of it.
inline constexpr std::size_t kToolOutputBytes = 256u << 10;

}  // namespace remit::limits

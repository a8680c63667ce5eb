// What one evaluation has used of its limits. Once a limit is hit every further step fails, so that no operator can
// absorb it.
#pragma once

#include <cstdint>
#include <string_view>

#include "policy/cel.h"

namespace remit::policy::cel {

class Meter {
 public:
  // False when the limit is passed.
  bool step(std::uint64_t count = 1) {
    steps_ += count;
    if (steps_ > limits::kSteps) exhausted_ = "kSteps";
    return exhausted_.empty();
  }
  bool make(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > limits::kValueBytes) exhausted_ = "kValueBytes";
    return step(1 + bytes / 64);
  }
  bool is_exhausted() const { return !exhausted_.empty(); }
  std::string_view exhausted() const { return exhausted_; }
  std::uint64_t steps() const { return steps_; }

 private:
  std::uint64_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::string_view exhausted_;
};

}  // namespace remit::policy::cel

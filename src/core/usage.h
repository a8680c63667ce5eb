// What one attempt used, as the provider counted it.
#pragma once

#include <cstdint>

#include "core/money.h"

namespace remit {

struct Usage {
  std::int64_t input = 0;         // All tokens of the prompt, cached ones included.
  std::int64_t cached_input = 0;  // Of input: served from the provider's cache.
  std::int64_t cache_write = 0;   // Of input: written to the provider's cache.
  std::int64_t output = 0;        // All tokens produced, reasoning included.
  std::int64_t reasoning = 0;     // Of output: reasoning.

  // What `budget.tokens` counts: what the model processed anew.
  std::int64_t processed() const { return input - cached_input + output; }
  Usage& operator+=(const Usage& other) {
    input += other.input, cached_input += other.cached_input, cache_write += other.cache_write;
    output += other.output, reasoning += other.reasoning;
    return *this;
  }
  friend bool operator==(const Usage&, const Usage&) = default;
};

// One attempt's demand on a budget, or what it came to. Time is settled in nanoseconds of the run being active.
struct Amounts {
  MicroUsd cost;
  std::int64_t tokens = 0;
  std::int64_t calls = 0;

  friend bool operator==(const Amounts&, const Amounts&) = default;
};

}  // namespace remit

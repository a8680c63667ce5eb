// Problem: one thing wrong with a manifest or an object, in words its author can act on. A plain value.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace remit::resource {

struct Problem {
  std::string file;     // "" when there is none.
  int line = 0;         // From 1; 0 when unknown.
  std::string path;     // "spec.budget.costUSD"; "" for the document.
  std::string message;  // What is wrong and what was expected.
  std::string nearest;  // The known name that was perhaps meant, or "".

  // "mission.yaml:14: spec.budget: unknown field 'costUsd'; did you mean 'costUSD'?"
  std::string to_string() const;
  friend bool operator==(const Problem&, const Problem&) = default;
};

using Problems = std::vector<Problem>;

// All problems in one error (kInvalidArgument), one line each.
Error to_error(std::span<const Problem> problems);

}  // namespace remit::resource

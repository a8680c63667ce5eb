// What `remit` tells a script by its exit code. docs/exit-codes.md explains each; a number never changes its meaning.
#pragma once

#include "base/error.h"

namespace remit::cli {

enum ExitCode : int {
  kOk = 0,          // Done; for `run` and `wait`: the goal is met.
  kGoalNotMet = 1,  // The run ended without reaching the goal.
  kUsage = 2,       // Wrong command line or invalid input; nothing was done.
  kRefused = 3,     // This host or the present state does not allow it (missing tier, conflict, nothing to resume).
  kStopped = 4,     // The run was stopped.
  kBudgetExhausted = 5,  // The run ended because its budget did.
  kNotFound = 6,
  kDenied = 7,     // `can-i`: the action would not be allowed.
  kTimedOut = 8,   // `wait --timeout`.
  kInternal = 70,  // A fault of Remit or of the machine (disk full, damaged data).
};

ExitCode exit_code_of(const Error& error);
// Prints "remit: message" to standard error and returns its code.
int report(const Error& error);

}  // namespace remit::cli

// Completion of a coroutine that nobody waits for: an exception in it is a bug of ours and is said, not swallowed.
#pragma once

#include <exception>

#include "base/log.h"

namespace remit::sandbox {

inline void log_exception(std::exception_ptr error) {
  if (!error) return;
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& what) {
    log::error("sandbox: {}", what.what());
  } catch (...) {
    log::error("sandbox: unknown exception");
  }
}

}  // namespace remit::sandbox

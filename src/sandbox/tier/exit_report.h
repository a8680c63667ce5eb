// From the spawner's facts to the verdict that people read.
#pragma once

#include "sandbox/process.h"
#include "sandbox/spec.h"
#include "sandbox/wire/reply.h"

namespace remit::sandbox {

struct Times {
  std::uint64_t asked_ns = 0;
  std::uint64_t started_ns = 0;
};

// `killed_for` is what kill() was called with.
ExitReport make_exit_report(const wire::Done& done, const Limits& limits, Times times, EndedBy killed_for);

}  // namespace remit::sandbox

// Governor: the pipeline as executors see it. A call that causes further effects (a command that changed files, a
// server that asks back) proposes each of them here, as a child of its own call.
#pragma once

#include <expected>
#include <string>

#include "base/task.h"
#include "core/action.h"
#include "core/call_context.h"
#include "core/event.h"
#include "core/permit.h"
#include "core/verdict.h"

namespace remit {

class Governor {
 public:
  virtual ~Governor() = default;

  // Judges a nested action that needs no reservation of its own; `parent` is the context of the call it belongs to.
  // Recorded like any action.
  virtual Task<std::expected<Permit, Verdict>> permit_nested(Action action, CallContext parent) = 0;

  // Makes durable what a call came to, before its file changes in `layer` are merged. After a crash the merge is rolled
  // forward from this record.
  virtual Task<Result<>> record_executed(CallContext context, std::uint32_t attempt, Outcome outcome,
                                         std::string layer) = 0;
};

}  // namespace remit

// Driver: what works on a mission: the built-in loop or a command. The runtime drives any of them in the same way. One
// shard's thread.
#pragma once

#include "agent/host.h"
#include "core/run_record.h"

namespace remit::agent {

class Driver {
 public:
  virtual ~Driver() = default;

  // On resume: every record that the log holds, in order, before work().
  virtual void restore(const RunRecord& record) = 0;
  // Works until the agent is done. May be called again when the end was kExhausted and there is budget again.
  virtual Task<AgentEnd> work() = 0;
};

}  // namespace remit::agent

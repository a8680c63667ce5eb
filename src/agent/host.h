// Host: what an agent's driver asks of the run it works in. The runtime implements it; tests do too. One shard's
// thread.
#pragma once

#include <string>
#include <string_view>

#include "base/task.h"

namespace remit::agent {

class Host {
 public:
  virtual ~Host() = default;

  // To be asked before every step: waits while the run is paused; false when it was stopped.
  virtual Task<bool> proceed() = 0;
  // Waits until the approval is answered: true to try the same action again (also after a rejection, which then denies
  // it with the human's reason), false when the run was stopped meanwhile. Time does not count against activeDuration.
  virtual Task<bool> wait_for_approval(std::string approval) = 0;
  // A line for people, kept in the run log.
  virtual void note(std::string message) = 0;
};

enum class EndKind : std::uint8_t {
  kFinished,   // The agent says it is done; the checks decide whether it is.
  kExhausted,  // The budget is used up; `answer` is what it handed back.
  kStopped,
  kFailed,  // It could not go on; `reason` says why.
};

struct AgentEnd {
  EndKind kind = EndKind::kFailed;
  std::string answer;
  std::string reason;
};

}  // namespace remit::agent

#include "resource/mission.h"

namespace remit::resource {

bool is_finished(Phase phase) {
  return phase == Phase::kSucceeded || phase == Phase::kFailed || phase == Phase::kStopped;
}
bool is_active(Phase phase) { return phase != Phase::kPending && !is_finished(phase); }

}  // namespace remit::resource

#include "ledger/loop_detector.h"

#include <functional>

namespace remit::ledger {

LoopSignal LoopDetector::observe(std::string_view action, std::string_view observation, bool polling) {
  if (polling) return LoopSignal::kNone;
  const std::hash<std::string_view> hash;
  const std::uint64_t key = hash(action) * 0x9e3779b97f4a7c15 ^ hash(observation);
  if (const auto found = seen_.find(key); found != seen_.end()) {
    order_.splice(order_.begin(), order_, found->second);
  } else {
    if (order_.size() >= kLoopMemory) {
      seen_.erase(order_.back().key);
      order_.pop_back();
    }
    order_.push_front({key, 0});
    seen_[key] = order_.begin();
  }
  if (++order_.front().count < config_.repeats) return LoopSignal::kNone;
  return ++strikes_ <= config_.nudges ? LoopSignal::kNudge : LoopSignal::kEscalate;
}

}  // namespace remit::ledger

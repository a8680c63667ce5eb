// LoopDetector: notices a run that goes in circles. The same action with the same observation three times, in any
// order, is a strike; the first strike is answered with a nudge, later ones are escalated. Tools that are declared
// pollers are exempt. Pure; one thread.
#pragma once

#include <cstdint>
#include <list>
#include <string_view>
#include <unordered_map>

namespace remit::ledger {

inline constexpr std::size_t kLoopMemory = 4096;  // Pairs remembered; the one not seen for longest is forgotten.

enum class LoopSignal : std::uint8_t {
  kNone,
  kNudge,     // Tell the agent that it repeats itself.
  kEscalate,  // It was told before: ask a human, pause or stop.
};

struct LoopConfig {
  std::uint32_t repeats = 3;  // The sight of a pair that is the first strike; every later sight is one more.
  std::uint32_t nudges = 1;   // Strikes answered with a nudge.
};

class LoopDetector {
 public:
  explicit LoopDetector(LoopConfig config = {}) : config_(config) {}

  // `action` identifies what was done (Action::hash()), `observation` is what came back.
  LoopSignal observe(std::string_view action, std::string_view observation, bool polling = false);
  std::uint32_t strikes() const { return strikes_; }

 private:
  struct Seen {
    std::uint64_t key;
    std::uint32_t count;
  };
  LoopConfig config_;
  std::uint32_t strikes_ = 0;
  std::list<Seen> order_;  // Most recent first.
  std::unordered_map<std::uint64_t, std::list<Seen>::iterator> seen_;
};

}  // namespace remit::ledger

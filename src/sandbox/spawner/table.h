// Table: the sandboxes that live now. Fixed size; a slot is free when its id is 0.
#pragma once

#include "sandbox/spawner/cgroup.h"

namespace remit::spawner {

inline constexpr std::size_t kSlots = 256;

struct Slot {
  std::uint64_t id = 0;
  pid_t pid = -1;
  Fd pidfd;
  Fd report;
  Leaves leaves;
  std::uint64_t grace_ns = 0;
  std::uint64_t deadline_ns = 0;  // Wall time, then the end of the grace. 0: none.
  bool has_started = false;
  bool has_failed = false;  // PID 1 could not finish; then where and why.
  std::uint8_t failed_stage = 0;
  std::uint32_t error = 0;
  bool is_ending = false;  // SIGTERM was sent.
  sandbox::wire::Cause cause = sandbox::wire::Cause::kItself;
  std::uint8_t why = 0;
};

class Table {
 public:
  // nullptr when all slots are taken or the id is in use.
  Slot* take(std::uint64_t id) {
    if (id == 0 || find(id) != nullptr) return nullptr;
    for (Slot& slot : slots_) {
      if (slot.id != 0) continue;
      slot.id = id;
      ++live_;
      return &slot;
    }
    return nullptr;
  }
  Slot* find(std::uint64_t id) {
    for (Slot& slot : slots_) {
      if (slot.id == id && id != 0) return &slot;
    }
    return nullptr;
  }
  void free(Slot& slot) {
    slot = Slot{};
    --live_;
  }
  std::size_t live() const { return live_; }
  Slot* begin() { return slots_; }
  Slot* end() { return slots_ + kSlots; }

 private:
  Slot slots_[kSlots];
  std::size_t live_ = 0;
};

}  // namespace remit::spawner

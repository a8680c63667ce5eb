// Permit: proof that the pipeline allowed one attempt of one action. Only action::Pipeline can make one and every
// executor demands one.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/action.h"
#include "core/usage.h"

namespace remit {

namespace action {
class Pipeline;
}

class Permit {
 public:
  Permit(Permit&&) = default;
  Permit& operator=(Permit&&) = default;
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

  const Action& action() const { return *action_; }
  std::uint32_t attempt() const { return attempt_; }  // 1 for the first.
  const Amounts& reserved() const { return reserved_; }

 private:
  friend class action::Pipeline;
  Permit(std::shared_ptr<const Action> action, std::uint32_t attempt, Amounts reserved)
      : action_(std::move(action)), attempt_(attempt), reserved_(reserved) {}

  std::shared_ptr<const Action> action_;
  std::uint32_t attempt_;
  Amounts reserved_;
};

}  // namespace remit

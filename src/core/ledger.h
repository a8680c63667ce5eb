// Ledger: money, tokens, calls and time that a mission may use. The pipeline reserves before an effect and settles
// after it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "core/action.h"
#include "core/call_context.h"
#include "core/event.h"
#include "core/usage.h"

namespace remit {

// Names one attempt of one call. Reserving or settling the same attempt twice changes nothing.
struct AttemptId {
  Ulid run;
  std::uint64_t call = 0;
  std::uint32_t attempt = 1;
  friend auto operator<=>(const AttemptId&, const AttemptId&) = default;
};

struct BudgetView {
  Amounts limit;  // 0 in a member: no limit of that kind.
  Amounts spent;
  Amounts reserved;  // Open attempts, and the reserve for ReturnPartial.
  Duration active_limit{0};
  Duration active_used{0};
};

class Ledger {
 public:
  virtual ~Ledger() = default;
  // What an action could cost at the most. Fails with kFailedPrecondition for a model without a price.
  virtual Result<Amounts> estimate(const Action& action) const = 0;
  // kResourceExhausted names the account and the limit that would be passed. On the shard's thread, in memory.
  virtual Result<> reserve(const AttemptId& attempt, const Amounts& amounts) = 0;
  // Gives a reservation back whole: the attempt was refused after all and nothing ran. Unknown attempts are ignored.
  virtual void release(const AttemptId& attempt) = 0;
  // Charges what the attempt came to and gives the rest of the reservation back. Returns the charge.
  virtual Amounts settle(const AttemptId& attempt, const Action& action, const Outcome& outcome) = 0;
  virtual BudgetView view() const = 0;
};

}  // namespace remit

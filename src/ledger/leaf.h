// Leaf: the account of one run, in memory on the run's shard. Implements core's Ledger.
//
// Promises:
//  - spent + reserved never passes a limit by a reserve(); an attempt that came to more than its reservation is charged
//    what it came to.
//  - reserve() and settle() are idempotent per attempt; they touch no disk but for acquiring a lease from `source`,
//    when there is one and what is leased does not suffice. When needs_refill(), another thread can
//    acquire next_lease() beforehand, for add_lease().
//  - Its state is a projection of the run log: replay() every record, then decide about unsettled(), and it stands
//    where it stood.
//  - An attempt whose usage is unknown is charged its reservation in full.
//  - Active time runs between resume_clock() and pause_clock() only. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/ulid.h"
#include "core/ledger.h"
#include "core/run_record.h"
#include "ledger/authority.h"
#include "ledger/estimator.h"
#include "ledger/price_table.h"

namespace remit::ledger {

inline constexpr std::size_t kAttempts = 1'000'000;   // Of one run.
inline constexpr std::size_t kOpenAttempts = 10'000;  // Reserved and not settled at one time.
// What a lease asks for at once, where the account has no smaller limit.
inline constexpr Amounts kLeaseChunk{{250'000}, 200'000, 100};

enum class OnExhausted : std::uint8_t { kReturnPartial, kPause, kKill };

struct BudgetLimits {
  Amounts amounts;              // 0 in a member: no limit of that kind.
  Duration active_duration{0};  // 0: no limit.
  friend bool operator==(const BudgetLimits&, const BudgetLimits&) = default;
};

// A tenth of the money and of the tokens, for one last turn without tools that returns what there is.
Amounts default_return_reserve(const Amounts& limit);

struct LeafConfig {
  Ulid run;
  std::string account;  // Names the account in errors and leases: "finance/import-invoices".
  BudgetLimits limits;
  Amounts return_reserve;  // Set aside until release_return_reserve(); all zero for Pause and Kill.
  PriceTable prices = PriceTable::built_in();
  std::string dialect;  // See PriceTable::find().
  Amounts lease_chunk = kLeaseChunk;
};

class Leaf final : public Ledger {
 public:
  // `clock` and `source` must outlive the leaf. Without a source the limits above are all there is.
  Leaf(LeafConfig config, const Clock& clock, LeaseSource* source = nullptr);

  Result<Amounts> estimate(const Action& action) const override;
  Result<> reserve(const AttemptId& attempt, const Amounts& amounts) override;
  // Also after a crash, for an attempt of which it is known that nothing was used: a recorded model, or never sent.
  // Idempotent.
  void release(const AttemptId& attempt) override;
  Amounts settle(const AttemptId& attempt, const Action& action, const Outcome& outcome) override;
  BudgetView view() const override;

  // True when a reservation was refused for want of budget, or a limit is used up, until raise() or
  // release_return_reserve().
  bool exhausted() const;
  // Why, for people; "" when not exhausted.
  std::string exhausted_reason() const;
  // Gives the reserve of ReturnPartial free for the last turn. Idempotent.
  void release_return_reserve();
  // New limits, each at least as high as before. Also to be written to the log as BudgetChanged.
  Result<> raise(const BudgetLimits& limits);

  void resume_clock();
  void pause_clock();
  // Nothing when there is no limit.
  std::optional<Duration> active_left() const;

  // Feeds one record of the run's log, in order, before the leaf is used. Records of other kinds are passed over.
  void replay(const RunRecord& record);
  struct OpenAttempt {
    AttemptId attempt;
    Amounts reserved;
  };
  // What is reserved and not settled; after replay(): what a crash interrupted.
  std::vector<OpenAttempt> unsettled() const;
  // Ends one of them: charged in full, or, where it is known that nothing was used (a recorded model, never sent),
  // given back. Idempotent.
  Amounts charge_in_full(const AttemptId& attempt);
  Amounts give_back(const AttemptId& attempt);

  // Leases. A run that was there before goes on from what the Authority knows of it; call this before the first
  // reserve().
  void continue_from(const HolderState& holder);
  // A granted lease may be added twice; it counts once.
  bool needs_refill() const;
  LeaseRequest next_lease() const;
  void add_lease(const Lease& lease);
  // What Authority::settle() wants when the run is over or has crashed. Never settle a leaf that goes on: it would
  // spend what it gave back.
  Amounts spent() const { return spent_; }
  std::uint64_t leases_seen() const { return lease_number_; }

 private:
  struct Attempt {
    Amounts amounts;  // Reserved, then charged.
    bool settled = false;
  };
  struct AttemptHash {
    std::size_t operator()(const AttemptId& id) const {
      return id.run.hash() ^ (id.call * 0x9e3779b97f4a7c15) ^ id.attempt;
    }
  };

  Result<> check_time() const;
  Result<> check_limits(const Amounts& amounts) const;
  Result<> ensure_leased(const Amounts& amounts);
  LeaseRequest lease_request(const Amounts& least) const;
  Amounts set_aside() const;
  // What the account is bound to already: spent, reserved and set aside.
  Amounts bound() const;
  Amounts charge_for(const Amounts& reserved, const Action& action, const Outcome& outcome) const;
  Amounts end_attempt(const AttemptId& id, const Amounts& charge);
  void open_attempt(const AttemptId& id, const Amounts& amounts);
  Result<> refuse(const Error& error);
  void replay_time(const RunRecord& record);
  void release_call(std::uint64_t call);
  Duration active_used() const;

  LeafConfig config_;
  const Clock& clock_;
  LeaseSource* source_;
  Estimator estimator_;
  std::unordered_map<AttemptId, Attempt, AttemptHash> attempts_;
  std::size_t open_ = 0;
  Amounts spent_, reserved_, leased_;
  std::uint64_t lease_number_ = 0;
  bool return_released_ = false;
  bool refused_ = false;
  std::string refused_reason_;
  Duration active_{0};
  std::optional<SteadyTime> running_since_;
  bool replay_running_ = false;
  WallTime replay_time_{};
};

}  // namespace remit::ledger

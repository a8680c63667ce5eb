// Authority: the durable tree of accounts, namespace Budget → mission → child mission, and the leases that runs hold on
// it.
//
// A run (the holder) spends only what it leased, in memory; one lease is one commit here. What a holder leased is
// charged in full, on its account and on every account above, until it settles: then the charge is what it really
// spent. So a crash at any point can only make the charge too high, until resume settles it; it never loses money.
//
// Promises: every call is atomic, durable when it returns, and idempotent: acquire() by lease id, settle() because the
// sums it reports are cumulative. Several processes may open one file. An Authority belongs to one thread at a time.
// Amounts of 0 in a limit mean: no limit.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "core/usage.h"
#include "store/database.h"

namespace remit::ledger {

inline constexpr int kAccountDepth = 16;

struct Account {
  std::string id;
  std::string parent;  // "": a root.
  Amounts limit;
  Amounts charged;  // By itself and everything below it: spent, and leased but not settled.
  Amounts spent;    // Of charged: known to be spent.
};

struct LeaseRequest {
  std::string lease;    // Unique; the same id again returns the same lease.
  std::string holder;   // The run's id.
  std::string account;  // The holder's account; always the same for one holder.
  Amounts least;        // Refused when even this does not fit.
  Amounts wanted;       // What fits of this is granted, member by member; never less than `least`.
};

struct Lease {
  std::string id;
  Amounts amounts;
  Amounts total;             // What the holder may have spent in its whole life, this lease included.
  std::uint64_t number = 0;  // Of the holder's leases, from 1: settle() names the last one it has seen.
};

struct HolderState {
  std::string account;
  Amounts leased, spent;
  std::uint64_t leases = 0;
  bool settled = false;
};

// Where a Leaf gets its leases from. The Authority itself, or something in front of it.
class LeaseSource {
 public:
  virtual ~LeaseSource() = default;
  // kResourceExhausted names the account and the limit that stands in the way.
  virtual Result<Lease> acquire(const LeaseRequest& request) = 0;
};

class Authority final : public LeaseSource {
 public:
  static Result<Authority> open(const std::string& path);

  // Makes the account or sets its limit; the parent of an account cannot change. The parent must exist.
  Result<> put_account(const std::string& id, const std::string& parent, const Amounts& limit);
  // Adds to the limit: `remit budget NAME --add 1`. `change` names this one change, so that a retry adds once. Returns
  // the new limit. A member without a limit stays without.
  Result<Amounts> raise(const std::string& id, const Amounts& by, const std::string& change);
  Result<std::optional<Account>> account(const std::string& id);
  Result<std::vector<Account>> accounts();

  Result<Lease> acquire(const LeaseRequest& request) override;
  // The holder spent `spent` in its whole life. When `leases_seen` is the number of its latest lease, the rest goes
  // back and the holder is settled; otherwise a lease is on its way to it and stays charged.
  Result<> settle(const std::string& holder, const Amounts& spent, std::uint64_t leases_seen);
  Result<std::optional<HolderState>> holder(const std::string& id);
  // Holders that have leases and are not settled: what a crash left behind.
  Result<std::vector<std::string>> unsettled();

  // Recomputes every account from the holders and compares: kDataLoss when the books do not balance.
  Result<> audit();

 private:
  explicit Authority(store::Database database) : database_(std::move(database)) {}
  Result<std::optional<Lease>> known_lease(const std::string& id);
  Result<Lease> grant(const LeaseRequest& request);
  Result<std::vector<Account>> path_to_root(const std::string& account);
  Result<> add_to_path(const std::vector<Account>& path, const Amounts& charged, const Amounts& spent);
  Result<> store_holder(const std::string& id, const HolderState& state);

  store::Database database_;
};

}  // namespace remit::ledger

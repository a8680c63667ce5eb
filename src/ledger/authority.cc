#include "ledger/authority.h"

#include <fmt/format.h>

#include "ledger/internal/amounts.h"

namespace remit::ledger {
namespace {

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE account(
  id TEXT PRIMARY KEY, parent TEXT NOT NULL,
  limit_cost INTEGER NOT NULL, limit_tokens INTEGER NOT NULL, limit_calls INTEGER NOT NULL,
  charged_cost INTEGER NOT NULL DEFAULT 0, charged_tokens INTEGER NOT NULL DEFAULT 0,
  charged_calls INTEGER NOT NULL DEFAULT 0,
  spent_cost INTEGER NOT NULL DEFAULT 0, spent_tokens INTEGER NOT NULL DEFAULT 0, spent_calls INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE TABLE holder(
  id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id),
  leased_cost INTEGER NOT NULL, leased_tokens INTEGER NOT NULL, leased_calls INTEGER NOT NULL,
  spent_cost INTEGER NOT NULL, spent_tokens INTEGER NOT NULL, spent_calls INTEGER NOT NULL,
  leases INTEGER NOT NULL, settled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX holder_unsettled ON holder(id) WHERE settled = 0;
CREATE TABLE lease(
  id TEXT PRIMARY KEY, holder TEXT NOT NULL REFERENCES holder(id), number INTEGER NOT NULL,
  cost INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL,
  total_cost INTEGER NOT NULL, total_tokens INTEGER NOT NULL, total_calls INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE change(
  id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES account(id),
  cost INTEGER NOT NULL, tokens INTEGER NOT NULL, calls INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql"};

constexpr std::string_view kAccountColumns =
    "id, parent, limit_cost, limit_tokens, limit_calls, charged_cost, charged_tokens, charged_calls, spent_cost, "
    "spent_tokens, spent_calls";

Amounts amounts_at(const store::Row& row, int column) {
  return {{row.integer(column)}, row.integer(column + 1), row.integer(column + 2)};
}

Account account_of(const store::Row& row) {
  return {std::string(row.text(0)), std::string(row.text(1)), amounts_at(row, 2), amounts_at(row, 5),
          amounts_at(row, 8)};
}

Result<> check_amounts(const Amounts& amounts, std::string_view what) {
  if (in_range(amounts)) return {};
  return fail(invalid_argument(fmt::format("{} is negative or beyond {}", what, kMaxAmount)));
}

// A statement whose count of rows does not matter.
Result<> done(const Result<std::int64_t>& rows) {
  if (!rows) return fail(rows.error());
  return {};
}

// What a holder weighs on its accounts.
Amounts charge_of(const HolderState& holder) {
  return holder.settled ? holder.spent : larger(holder.leased, holder.spent);
}

struct Member {
  std::string_view name;
  std::int64_t limit, charged, least;
};

std::array<Member, 3> members(const Account& account, const Amounts& least) {
  return {{{"cost in micro-USD", account.limit.cost.value, account.charged.cost.value, least.cost.value},
           {"tokens", account.limit.tokens, account.charged.tokens, least.tokens},
           {"calls", account.limit.calls, account.charged.calls, least.calls}}};
}

// What of `wanted` fits under the limits of every account of the path; fails when even `least` does not.
Result<Amounts> fit(const std::vector<Account>& path, const Amounts& least, const Amounts& wanted) {
  Amounts grant = larger(least, wanted);
  for (const Account& account : path) {
    for (const Member& member : members(account, least)) {
      if (member.limit == 0 || member.least == 0 || member.least <= member.limit - member.charged) continue;
      return fail(
          Code::kResourceExhausted,
          fmt::format("account {} has no room for {} more {}: {} of {} are spent or set aside; raise its budget",
                      account.id, member.least, member.name, member.charged, member.limit));
    }
    const Amounts room = each_member(account.limit, account.charged, [](std::int64_t limit, std::int64_t charged) {
      return limit == 0 ? kMaxAmount : std::max<std::int64_t>(limit - charged, 0);
    });
    grant = smaller(grant, room);
  }
  return grant;
}

}  // namespace

Result<Authority> Authority::open(const std::string& path) {
  REMIT_TRY(auto database, store::Database::open(path, kSchema));
  return Authority(std::move(database));
}

Result<std::optional<Account>> Authority::account(const std::string& id) {
  std::optional<Account> found;
  REMIT_CHECK_OK(database_.query(fmt::format("SELECT {} FROM account WHERE id = ?", kAccountColumns), {id},
                                 [&](const store::Row& row) -> Result<> {
                                   found = account_of(row);
                                   return {};
                                 }));
  return found;
}

Result<std::vector<Account>> Authority::accounts() {
  std::vector<Account> all;
  REMIT_CHECK_OK(database_.query(fmt::format("SELECT {} FROM account ORDER BY id", kAccountColumns), {},
                                 [&](const store::Row& row) -> Result<> {
                                   all.push_back(account_of(row));
                                   return {};
                                 }));
  return all;
}

// The account itself first.
Result<std::vector<Account>> Authority::path_to_root(const std::string& id) {
  std::vector<Account> path;
  for (std::string at = id; !at.empty(); at = path.back().parent) {
    REMIT_TRY(auto next, account(at));
    if (!next) return fail(not_found(fmt::format("there is no account {}; make it first", at)));
    path.push_back(std::move(*next));
    if (path.size() > kAccountDepth) {
      return fail(Code::kResourceExhausted,
                  fmt::format("account {} lies deeper than kAccountDepth ({})", id, kAccountDepth));
    }
  }
  return path;
}

Result<> Authority::put_account(const std::string& id, const std::string& parent, const Amounts& limit) {
  REMIT_CHECK_OK(check_amounts(limit, "the limit"));
  if (id.empty()) return fail(invalid_argument("an account needs a name"));
  return database_.transaction([&]() -> Result<> {
    REMIT_TRY(const auto old, account(id));
    if (old && old->parent != parent) {
      return fail(Code::kConflict,
                  fmt::format("account {} belongs to '{}' and cannot move to '{}'", id, old->parent, parent));
    }
    REMIT_TRY(const auto above, path_to_root(parent));
    if (above.size() + 1 > kAccountDepth) {
      return fail(Code::kResourceExhausted,
                  fmt::format("account {} would lie deeper than kAccountDepth ({})", id, kAccountDepth));
    }
    return done(
        database_.execute("INSERT INTO account(id, parent, limit_cost, limit_tokens, limit_calls) VALUES(?, ?, ?, ?, "
                          "?) ON CONFLICT(id) DO UPDATE "
                          "SET limit_cost = excluded.limit_cost, limit_tokens = excluded.limit_tokens, limit_calls = "
                          "excluded.limit_calls",
                          {id, parent, limit.cost.value, limit.tokens, limit.calls}));
  });
}

Result<Amounts> Authority::raise(const std::string& id, const Amounts& by, const std::string& change) {
  REMIT_CHECK_OK(check_amounts(by, "the raise"));
  Amounts limit;
  REMIT_CHECK_OK(database_.transaction([&]() -> Result<> {
    REMIT_TRY(const auto found, account(id));
    if (!found) return fail(not_found("there is no account " + id));
    limit = found->limit;
    REMIT_TRY(const auto known, database_.query_text("SELECT account FROM change WHERE id = ?", {change}));
    if (known && *known == id) return {};
    if (known) return fail(Code::kAlreadyExists, fmt::format("change {} was made to account {}", change, *known));
    limit = each_member(limit, by, [](std::int64_t old, std::int64_t more) { return old == 0 ? 0 : old + more; });
    REMIT_CHECK_OK(check_amounts(limit, "the new limit"));
    REMIT_CHECK_OK(database_.execute("INSERT INTO change VALUES(?, ?, ?, ?, ?)",
                                     {change, id, by.cost.value, by.tokens, by.calls}));
    return done(database_.execute("UPDATE account SET limit_cost = ?, limit_tokens = ?, limit_calls = ? WHERE id = ?",
                                  {limit.cost.value, limit.tokens, limit.calls, id}));
  }));
  return limit;
}

Result<std::optional<HolderState>> Authority::holder(const std::string& id) {
  std::optional<HolderState> found;
  REMIT_CHECK_OK(
      database_.query("SELECT account, leased_cost, leased_tokens, leased_calls, spent_cost, spent_tokens, "
                      "spent_calls, leases, settled "
                      "FROM holder WHERE id = ?",
                      {id}, [&](const store::Row& row) -> Result<> {
                        found = HolderState{std::string(row.text(0)), amounts_at(row, 1), amounts_at(row, 4),
                                            static_cast<std::uint64_t>(row.integer(7)), row.integer(8) != 0};
                        return {};
                      }));
  return found;
}

Result<> Authority::store_holder(const std::string& id, const HolderState& state) {
  const Amounts &leased = state.leased, &spent = state.spent;
  return done(database_.execute("INSERT OR REPLACE INTO holder VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                {id, state.account, leased.cost.value, leased.tokens, leased.calls, spent.cost.value,
                                 spent.tokens, spent.calls, state.leases, state.settled}));
}

Result<> Authority::add_to_path(const std::vector<Account>& path, const Amounts& charged, const Amounts& spent) {
  for (const Account& account : path) {
    REMIT_CHECK_OK(database_.execute(
        "UPDATE account SET charged_cost = charged_cost + ?, charged_tokens = charged_tokens + ?, charged_calls = "
        "charged_calls + ?, "
        "spent_cost = spent_cost + ?, spent_tokens = spent_tokens + ?, spent_calls = spent_calls + ? WHERE id = ?",
        {charged.cost.value, charged.tokens, charged.calls, spent.cost.value, spent.tokens, spent.calls, account.id}));
  }
  return {};
}

Result<std::optional<Lease>> Authority::known_lease(const std::string& id) {
  std::optional<Lease> found;
  REMIT_CHECK_OK(database_.query(
      "SELECT number, cost, tokens, calls, total_cost, total_tokens, total_calls FROM lease WHERE id = ?", {id},
      [&](const store::Row& row) -> Result<> {
        found = Lease{id, amounts_at(row, 1), amounts_at(row, 4), static_cast<std::uint64_t>(row.integer(0))};
        return {};
      }));
  return found;
}

Result<Lease> Authority::acquire(const LeaseRequest& request) {
  REMIT_CHECK_OK(check_amounts(request.least, "the least of a lease"));
  REMIT_CHECK_OK(check_amounts(request.wanted, "the wanted of a lease"));
  if (request.lease.empty() || request.holder.empty())
    return fail(invalid_argument("a lease needs its own name and that of its holder"));
  Lease lease;
  REMIT_CHECK_OK(database_.transaction([&]() -> Result<> {
    REMIT_TRY(const auto known, known_lease(request.lease));
    if (known) {
      lease = *known;
      return {};
    }
    REMIT_TRY(lease, grant(request));
    return {};
  }));
  return lease;
}

Result<Lease> Authority::grant(const LeaseRequest& request) {
  REMIT_TRY(const auto old, holder(request.holder));
  HolderState state = old.value_or(HolderState{.account = request.account});
  if (state.account != request.account) {
    return fail(Code::kConflict,
                fmt::format("{} holds leases on account {}, not {}", request.holder, state.account, request.account));
  }
  REMIT_TRY(const auto path, path_to_root(state.account));
  REMIT_TRY(const Amounts amounts, fit(path, request.least, request.wanted));
  state.leased = plus(charge_of(state), amounts);
  state.settled = false;
  ++state.leases;
  REMIT_CHECK_OK(store_holder(request.holder, state));
  REMIT_CHECK_OK(add_to_path(path, amounts, {}));
  const Amounts& total = state.leased;
  REMIT_CHECK_OK(database_.execute("INSERT INTO lease VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                   {request.lease, request.holder, state.leases, amounts.cost.value, amounts.tokens,
                                    amounts.calls, total.cost.value, total.tokens, total.calls}));
  return Lease{request.lease, amounts, total, state.leases};
}

Result<> Authority::settle(const std::string& id, const Amounts& spent, std::uint64_t leases_seen) {
  REMIT_CHECK_OK(check_amounts(spent, "what was spent"));
  return database_.transaction([&]() -> Result<> {
    REMIT_TRY(const auto old, holder(id));
    if (!old && spent == Amounts{} && leases_seen == 0) return {};
    if (!old) return fail(not_found(id + " holds no lease"));
    if (leases_seen > old->leases) {
      return fail(invalid_argument(fmt::format("{} has had {} leases, not {}", id, old->leases, leases_seen)));
    }
    HolderState state = *old;
    state.spent = larger(old->spent, spent);
    state.settled = old->settled || leases_seen == old->leases;
    if (state.spent == old->spent && state.settled == old->settled) return {};
    REMIT_TRY(const auto path, path_to_root(state.account));
    REMIT_CHECK_OK(store_holder(id, state));
    return add_to_path(path, minus(charge_of(state), charge_of(*old)), minus(state.spent, old->spent));
  });
}

Result<std::vector<std::string>> Authority::unsettled() {
  std::vector<std::string> ids;
  REMIT_CHECK_OK(database_.query("SELECT id FROM holder WHERE settled = 0 ORDER BY id", {},
                                 [&](const store::Row& row) -> Result<> {
                                   ids.emplace_back(row.text(0));
                                   return {};
                                 }));
  return ids;
}

Result<> Authority::audit() {
  return database_.transaction([&]() -> Result<> {
    REMIT_TRY(const auto all, accounts());
    std::map<std::string, std::pair<Amounts, Amounts>> sums;  // Charged and spent, by account.
    std::vector<std::string> ids;
    REMIT_CHECK_OK(database_.query("SELECT id FROM holder", {}, [&](const store::Row& row) -> Result<> {
      ids.emplace_back(row.text(0));
      return {};
    }));
    for (const std::string& id : ids) {
      REMIT_TRY(const auto state, holder(id));
      REMIT_TRY(const auto path, path_to_root(state->account));
      for (const Account& at : path) {
        auto& [charged, spent] = sums[at.id];
        charged = plus(charged, charge_of(*state));
        spent = plus(spent, state->spent);
      }
    }
    for (const Account& at : all) {
      if (at.charged == sums[at.id].first && at.spent == sums[at.id].second) continue;
      return fail(Code::kDataLoss,
                  fmt::format("the books of account {} do not balance: {} micro-USD charged, its holders come to {}",
                              at.id, at.charged.cost.value, sums[at.id].first.cost.value));
    }
    return {};
  });
}

}  // namespace remit::ledger

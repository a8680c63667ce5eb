#include "ledger/leaf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ledger/internal/amounts.h"

namespace remit::ledger {
namespace {

// Work on the mission goes on in these phases; in the others it waits for somebody or is over.
constexpr std::string_view kActivePhases[] = {"Preparing", "Running", "Checking"};

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// Half a chunk is left to spend while the next one is on its way.
Amounts low_water(const Amounts& chunk) {
  return each_member(chunk, {}, [](std::int64_t x, std::int64_t) { return x / 2; });
}

}  // namespace

Amounts default_return_reserve(const Amounts& limit) { return {{limit.cost.value / 10}, limit.tokens / 10, 0}; }

Leaf::Leaf(LeafConfig config, const Clock& clock, LeaseSource* source)
    : config_(std::move(config)), clock_(clock), source_(source) {}

Result<Amounts> Leaf::estimate(const Action& action) const {
  if (action.kind == ActionKind::kFileChange) return Amounts{};
  // The agent's own program: what it does is counted, not that it is there.
  if (action.tool == "agent.run" && action.channel == "runtime") return Amounts{};
  if (action.kind != ActionKind::kModelCall) return Amounts{.calls = 1};
  if (!action.model_request) return fail(internal_error("a model call without its request has no estimate"));
  const ModelRequest& request = *action.model_request;
  REMIT_TRY(const ModelPrice price, config_.prices.find(request.provider, request.model, config_.dialect));
  const TokenEstimate tokens = estimator_.estimate(request);
  // Which part is cached or reasoning is not known before: each part at its dearest rate.
  ModelPrice worst = price;
  worst.input = std::max({price.input, price.cached_input, price.cache_write});
  worst.output = std::max(price.output, price.reasoning);
  const MicroUsd cost = cost_of(worst, {.input = tokens.input, .output = tokens.output});
  return Amounts{cost, tokens.input + tokens.output, 0};
}

Amounts Leaf::set_aside() const { return return_released_ ? Amounts{} : config_.return_reserve; }

Amounts Leaf::bound() const { return plus(plus(spent_, reserved_), set_aside()); }

Result<> Leaf::check_time() const {
  const Duration limit = config_.limits.active_duration;
  // The last turn of ReturnPartial comes after the time is up.
  if (limit.count() == 0 || return_released_ || active_used() < limit) return {};
  return fail(Code::kResourceExhausted,
              fmt::format("account {}: the active duration of {:.1f} s is used up; raise the budget", config_.account,
                          seconds(limit)));
}

Result<> Leaf::check_limits(const Amounts& amounts) const {
  const Amounts &limit = config_.limits.amounts, used = bound();
  const auto fits = [](std::int64_t most, std::int64_t before, std::int64_t more) {
    return most == 0 || more == 0 || before + more <= most;
  };
  const auto message = [&](std::string_view need, std::string_view left, std::string_view all) {
    return fmt::format("account {}: {} needed, {} of {} left{}; raise the budget", config_.account, need, left, all,
                       set_aside() == Amounts{} ? "" : " (apart from what is set aside to return a partial result)");
  };
  if (!fits(limit.cost.value, used.cost.value, amounts.cost.value)) {
    const MicroUsd left{std::max<std::int64_t>(limit.cost.value - used.cost.value, 0)};
    return fail(Code::kResourceExhausted,
                message("$" + to_usd(amounts.cost), "$" + to_usd(left), "$" + to_usd(limit.cost)));
  }
  if (!fits(limit.tokens, used.tokens, amounts.tokens)) {
    const auto left = std::max<std::int64_t>(limit.tokens - used.tokens, 0);
    return fail(Code::kResourceExhausted,
                message(fmt::format("{} tokens", amounts.tokens), fmt::to_string(left), fmt::to_string(limit.tokens)));
  }
  if (!fits(limit.calls, used.calls, amounts.calls)) {
    const auto left = std::max<std::int64_t>(limit.calls - used.calls, 0);
    return fail(Code::kResourceExhausted,
                message(fmt::format("{} calls", amounts.calls), fmt::to_string(left), fmt::to_string(limit.calls)));
  }
  return {};
}

Result<> Leaf::refuse(const Error& error) {
  if (error.code() == Code::kResourceExhausted) {
    refused_ = true;
    refused_reason_ = error.to_string();
  }
  return fail(error);
}

Result<> Leaf::reserve(const AttemptId& attempt, const Amounts& amounts) {
  if (attempts_.contains(attempt)) return {};
  if (!in_range(amounts))
    return fail(
        invalid_argument(fmt::format("an attempt cannot reserve a negative amount or more than {}", kMaxAmount)));
  if (attempts_.size() >= kAttempts || open_ >= kOpenAttempts) {
    return fail(Code::kResourceExhausted,
                fmt::format("account {} has {} attempts, {} of them open; the limits are kAttempts {} and "
                            "kOpenAttempts {}",
                            config_.account, attempts_.size(), open_, kAttempts, kOpenAttempts));
  }
  if (auto in_time = check_time(); !in_time) return refuse(in_time.error());
  if (auto fits = check_limits(amounts); !fits) return refuse(fits.error());
  if (auto leased = ensure_leased(amounts); !leased) return refuse(leased.error());
  open_attempt(attempt, amounts);
  return {};
}

void Leaf::open_attempt(const AttemptId& id, const Amounts& amounts) {
  if (!attempts_.try_emplace(id, Attempt{amounts, false}).second) return;
  reserved_ = plus(reserved_, amounts);
  ++open_;
}

// Charges an attempt once; returns what it was charged.
Amounts Leaf::end_attempt(const AttemptId& id, const Amounts& charge) {
  const auto [entry, is_new] = attempts_.try_emplace(id);
  Attempt& attempt = entry->second;
  if (attempt.settled) return attempt.amounts;
  // An attempt that nobody reserved has nothing to give back, but what it cost was spent all the same.
  if (!is_new) {
    reserved_ = minus(reserved_, attempt.amounts);
    --open_;
  }
  spent_ = plus(spent_, charge);
  attempt = {charge, true};
  return charge;
}

Amounts Leaf::charge_for(const Amounts& reserved, const Action& action, const Outcome& outcome) const {
  if (!outcome.usage_known) return reserved;
  Amounts charge{.tokens = std::max<std::int64_t>(outcome.usage.processed(), 0), .calls = reserved.calls};
  if (!action.model_request) return charge;
  const auto price = config_.prices.find(action.model_request->provider, action.model_request->model, config_.dialect);
  // A price that was there for the estimate; should it be gone, the dearer of the two readings holds.
  charge.cost = price ? cost_of(*price, outcome.usage) : reserved.cost;
  charge.tokens = std::min(charge.tokens, kMaxTokens);
  return charge;
}

Amounts Leaf::settle(const AttemptId& id, const Action& action, const Outcome& outcome) {
  const auto found = attempts_.find(id);
  if (found != attempts_.end() && found->second.settled) return found->second.amounts;
  const Amounts reserved = found == attempts_.end() ? Amounts{} : found->second.amounts;
  if (outcome.usage_known && action.model_request) estimator_.learn(*action.model_request, outcome.usage);
  return end_attempt(id, charge_for(reserved, action, outcome));
}

Amounts Leaf::charge_in_full(const AttemptId& id) {
  const auto found = attempts_.find(id);
  return found == attempts_.end() ? Amounts{} : end_attempt(id, found->second.amounts);
}

void Leaf::release(const AttemptId& id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.settled) return;
  reserved_ = minus(reserved_, found->second.amounts);
  --open_;
  // Forgotten, so that it may be reserved again.
  attempts_.erase(found);
}

std::vector<Leaf::OpenAttempt> Leaf::unsettled() const {
  std::vector<OpenAttempt> open;
  for (const auto& [id, attempt] : attempts_) {
    if (!attempt.settled) open.push_back({id, attempt.amounts});
  }
  std::ranges::sort(open, {}, &OpenAttempt::attempt);
  return open;
}

BudgetView Leaf::view() const {
  return {config_.limits.amounts, spent_, plus(reserved_, set_aside()), config_.limits.active_duration, active_used()};
}

bool Leaf::exhausted() const { return !exhausted_reason().empty(); }

std::string Leaf::exhausted_reason() const {
  if (refused_) return refused_reason_;
  if (auto in_time = check_time(); !in_time) return in_time.error().message();
  // A limit is used up when not even the smallest attempt fits. Calls do not count here: without any left an agent can
  // still think and finish, and is exhausted when it is refused one.
  if (auto fits = check_limits({{1}, 1, 0}); !fits) return fits.error().message();
  return "";
}

void Leaf::release_return_reserve() {
  return_released_ = true;
  refused_ = false;
}

Result<> Leaf::raise(const BudgetLimits& limits) {
  if (!in_range(limits.amounts) || limits.active_duration.count() < 0) {
    return fail(invalid_argument("a budget cannot be negative"));
  }
  const auto lower = [](auto now, auto then) {
    return now != then && now != decltype(now){} && (then == decltype(then){} || now < then);
  };
  const Amounts &now = limits.amounts, &then = config_.limits.amounts;
  if (lower(now.cost.value, then.cost.value) || lower(now.tokens, then.tokens) || lower(now.calls, then.calls) ||
      lower(limits.active_duration, config_.limits.active_duration)) {
    return fail(invalid_argument(fmt::format("the budget of {} can only be raised while it runs", config_.account)));
  }
  config_.limits = limits;
  refused_ = false;
  return {};
}

// Time.

void Leaf::resume_clock() {
  if (!running_since_) running_since_ = clock_.steady_now();
}

void Leaf::pause_clock() {
  active_ = active_used();
  running_since_.reset();
}

Duration Leaf::active_used() const {
  return running_since_ ? active_ + (clock_.steady_now() - *running_since_) : active_;
}

std::optional<Duration> Leaf::active_left() const {
  if (config_.limits.active_duration.count() == 0) return std::nullopt;
  return std::max(config_.limits.active_duration - active_used(), Duration(0));
}

// Leases.

LeaseRequest Leaf::lease_request(const Amounts& least) const {
  LeaseRequest request;
  request.holder = config_.run.to_string();
  request.lease = fmt::format("{}/{}", request.holder, lease_number_ + 1);
  request.account = config_.account;
  request.least = least;
  const Amounts rest = each_member(config_.limits.amounts, leased_, [](std::int64_t limit, std::int64_t leased) {
    return limit == 0 ? kMaxAmount : std::max<std::int64_t>(limit - leased, 0);
  });
  request.wanted = larger(least, smaller(config_.lease_chunk, rest));
  return request;
}

LeaseRequest Leaf::next_lease() const { return lease_request({}); }

bool Leaf::needs_refill() const {
  if (!source_) return false;
  const Amounts need = plus(bound(), low_water(config_.lease_chunk));
  const auto low = [](std::int64_t needed, std::int64_t leased, std::int64_t limit) {
    return leased < needed && (limit == 0 || leased < limit);
  };
  const Amounts& limit = config_.limits.amounts;
  return low(need.cost.value, leased_.cost.value, limit.cost.value) || low(need.tokens, leased_.tokens, limit.tokens) ||
         low(need.calls, leased_.calls, limit.calls);
}

void Leaf::continue_from(const HolderState& holder) {
  lease_number_ = holder.leases;
  leased_ = holder.settled ? holder.spent : larger(holder.leased, holder.spent);
}

void Leaf::add_lease(const Lease& lease) {
  if (lease.number <= lease_number_) return;
  lease_number_ = lease.number;
  leased_ = lease.total;
}

Result<> Leaf::ensure_leased(const Amounts& amounts) {
  if (!source_) return {};
  const Amounts missing = larger(minus(plus(bound(), amounts), leased_), {});
  if (missing == Amounts{}) return {};
  REMIT_TRY(const Lease lease, source_->acquire(lease_request(missing)));
  add_lease(lease);
  // The Authority may have counted from less than what this run has spent; then its total does not cover the rest yet.
  if (larger(minus(plus(bound(), amounts), leased_), {}) == Amounts{}) return {};
  return fail(Code::kUnavailable,
              fmt::format("the lease on account {} does not cover what its run has spent; settle the run first",
                          config_.account));
}

// The run log.

void Leaf::replay_time(const RunRecord& record) {
  const auto* began = std::get_if<RunBegan>(&record.body);
  // Between a crash and the resume nobody worked.
  if (began && began->resumed) replay_running_ = false;
  if (replay_running_ && record.time > replay_time_) active_ += record.time - replay_time_;
  replay_time_ = record.time;
  if (const auto* change = std::get_if<PhaseChanged>(&record.body)) {
    replay_running_ = std::ranges::find(kActivePhases, change->phase) != std::end(kActivePhases);
  }
}

// A call that was refused after its reservation never ran.
void Leaf::release_call(std::uint64_t call) {
  // Only its first attempt can have been reserved before the verdict.
  release({config_.run, call, 1});
}

void Leaf::replay(const RunRecord& record) {
  replay_time(record);
  if (const auto* reserved = std::get_if<Reserved>(&record.body)) {
    open_attempt({config_.run, record.call, reserved->attempt}, reserved->amounts);
  } else if (const auto* settled = std::get_if<Settled>(&record.body)) {
    end_attempt({config_.run, record.call, settled->attempt}, settled->charged);
  } else if (const auto* judged = std::get_if<Judged>(&record.body)) {
    if (!judged->verdict.allows()) release_call(record.call);
  } else if (const auto* changed = std::get_if<BudgetChanged>(&record.body)) {
    config_.limits = {changed->limit, changed->active_limit};
  }
}

}  // namespace remit::ledger

// Pipeline: the one way from a proposed action to its effect. For each action, in this order:
//
//   Proposed → stages before the budget (permissions) → budget → stages behind it (human) → Judged → Reserved → Started
//   → executor → Settled
//
// The first stage that does not allow ends it; an Ask goes on to the stages behind, so that nobody is asked about what
// would be refused anyway. Fail closed: an unknown tool, a log that cannot be written, or a ledger that cannot reserve
// keep the action from running.
//
// One Pipeline is one run, on the thread of its mission's shard. It outlives every call it started.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "action/executor_table.h"
#include "action/run_log.h"
#include "core/governor.h"
#include "core/ledger.h"
#include "core/stage.h"

namespace remit::action {

inline constexpr std::size_t kMaxOpenCalls = 256;    // Calls of one run that are under way at once.
inline constexpr std::size_t kMaxNesting = 8;        // How deep calls may cause calls.
inline constexpr std::size_t kMaxHeldEvents = 1024;  // Events a stage may hold back before the call is cut.

// What came of a proposal. `call` is null exactly when the verdict does not allow.
struct Governed {
  std::uint64_t number = 0;
  CallContext context;
  Verdict verdict;
  std::unique_ptr<Call> call;
};

struct PipelineParts {
  asio::any_io_executor executor;
  Ulid run;
  Clock& clock;
  RunLog& log;
  Ledger& ledger;
  const ExecutorTable& executors;
  std::vector<Stage*> before_budget;
  std::vector<Stage*> after_budget;
};

class Pipeline final : public Governor {
 public:
  explicit Pipeline(PipelineParts parts);

  // Judges `action` and, when it may run, starts it. Of `parent` the importance, deadline and call number (0: no
  // parent) are taken over. The returned call yields the executor's events as the stages let them pass; when it yields
  // Done the action is settled. A call that is destroyed early is cancelled, drained and settled in the background.
  Task<Governed> govern(Action action, CallContext parent);

  // govern() and drain: the outcome, or the explained refusal as an outcome that is not ok.
  struct Ran {
    std::uint64_t number = 0;
    Verdict verdict;
    Outcome outcome;
  };
  Task<Ran> run(Action action, CallContext parent);

  Task<std::expected<Permit, Verdict>> permit_nested(Action action, CallContext parent) override;
  Task<Result<>> record_executed(CallContext context, std::uint32_t attempt, Outcome outcome,
                                 std::string layer) override;

  // On resume: the number after which calls go on.
  void continue_after(std::uint64_t call) { last_call_ = call; }

  std::size_t open_calls() const { return open_calls_; }
  // Cancels every call under way, also those still being judged, which then do not begin; used by stop and when the
  // time is used up.
  void cancel_all(CancelReason reason);
  // Some call is under way or being judged.
  bool busy() const { return !depth_.empty(); }
  // Returns when none is. To be awaited before the pipeline goes: a call whose caller went is drained in the
  // background.
  Task<> wait_idle();

 private:
  friend class GovernedCall;
  struct CallState;

  struct Judgement {
    Verdict verdict;
    Amounts reserved;
    bool has_reservation = false;
  };
  Result<CallContext> open_context(const CallContext& parent);
  Task<Judgement> judge(std::shared_ptr<const Action> action, CallContext context, bool reserve);
  static Task<Verdict> ask_stages(std::vector<Stage*> stages, std::shared_ptr<const Action> action, CallContext context,
                                  Verdict so_far);
  Verdict reserve(const Action& action, const CallContext& context, Judgement& judgement);
  Task<Result<>> record_start(std::shared_ptr<const Action> action, CallContext context, Amounts reserved);
  void settle(CallState& state, Outcome& outcome);
  void leave(std::uint64_t call);

  PipelineParts parts_;
  std::uint64_t last_call_ = 0;
  std::size_t open_calls_ = 0;
  std::uint64_t cancels_ = 0;  // How often cancel_all() came.
  asio::steady_timer call_ended_;
  std::vector<std::weak_ptr<CallState>> calls_;
  std::map<std::uint64_t, std::size_t> depth_;  // Of calls under way or being judged.
};

}  // namespace remit::action

#include "action/pipeline.h"

#include <deque>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/event_channel.h"

namespace remit::action {

// A call under way. Shared by its GovernedCall and, when that is destroyed early, by the coroutine that drains it.
struct Pipeline::CallState {
  CallState(Pipeline& owner, std::shared_ptr<const Action> governed, CallContext around)
      : pipeline(owner), action(std::move(governed)), context(std::move(around)) {}

  Pipeline& pipeline;
  std::shared_ptr<const Action> action;
  CallContext context;
  std::unique_ptr<Call> inner;
  std::deque<Event> ready;
  std::deque<Event> held;
  bool done = false;
  bool cut = false;
  // Ends the timer of a call that was quicker than its deadline. The watch outlives the call by a moment, so it owns
  // its share of the signal.
  std::shared_ptr<asio::cancellation_signal> deadline_watch;

  StreamControl control_of(const Event& event) const {
    auto control = StreamControl::kPass;
    for (const auto* stages : {&pipeline.parts_.before_budget, &pipeline.parts_.after_budget}) {
      for (auto* stage : *stages) control = std::max(control, stage->on_event(*action, context, event));
    }
    return control;
  }

  void accept(Event event) {
    if (cut) return;
    const auto control = control_of(event);
    held.push_back(std::move(event));
    if (control == StreamControl::kCut || held.size() > kMaxHeldEvents) {
      cut = true;
      held.clear();
      inner->cancel(CancelReason::kStopped);
    } else if (control == StreamControl::kPass) {
      flush();
    }
  }

  void flush() {
    std::move(held.begin(), held.end(), std::back_inserter(ready));
    held.clear();
  }

  static Task<Event> next(std::shared_ptr<CallState> state) {
    while (state->ready.empty()) {
      Event event = co_await state->inner->next();
      if (auto* done = std::get_if<Done>(&event)) {
        state->done = true;
        if (!state->cut) state->flush();
        state->pipeline.settle(*state, done->outcome);
        state->ready.push_back(std::move(event));
      } else {
        state->accept(std::move(event));
      }
    }
    Event event = std::move(state->ready.front());
    state->ready.pop_front();
    co_return event;
  }

  static Task<> watch_deadline(std::weak_ptr<CallState> watched, Clock& clock, SteadyTime deadline) {
    const bool came = co_await clock.sleep_until(deadline);
    if (auto state = watched.lock(); came && state && !state->done) state->inner->cancel(CancelReason::kDeadline);
  }

  static Task<> drain(std::shared_ptr<CallState> state) {
    while (!state->done) co_await next(state), state->ready.clear();
  }
};

class GovernedCall final : public Call {
 public:
  explicit GovernedCall(std::shared_ptr<Pipeline::CallState> state) : state_(std::move(state)) {}

  ~GovernedCall() override {
    if (state_->done) return;
    state_->inner->cancel(CancelReason::kClient);
    asio::co_spawn(state_->pipeline.parts_.executor, Pipeline::CallState::drain(state_), asio::detached);
  }

  Task<Event> next() override { return Pipeline::CallState::next(state_); }
  void cancel(CancelReason reason) override {
    if (!state_->done) state_->inner->cancel(reason);
  }

 private:
  std::shared_ptr<Pipeline::CallState> state_;
};

namespace {

Verdict unavailable(std::string layer, const Error& error) {
  Verdict verdict = Verdict::deny(std::move(layer), "", error.to_string());
  verdict.decision = Decision::kUnavailable;
  return verdict;
}

}  // namespace

Pipeline::Pipeline(PipelineParts parts)
    : parts_(std::move(parts)), call_ended_(parts_.executor, asio::steady_timer::time_point::max()) {}

Result<CallContext> Pipeline::open_context(const CallContext& parent) {
  const auto above = depth_.find(parent.call);
  const std::size_t depth = above == depth_.end() ? 1 : above->second + 1;
  if (depth > kMaxNesting) {
    return fail(Code::kResourceExhausted,
                fmt::format("calls may cause calls {} deep; this one would be deeper", kMaxNesting));
  }
  // What a call under way causes is bounded by that call: were it refused here, a command could not keep its files.
  if (parent.call == 0 && depth_.size() >= kMaxOpenCalls) {
    return fail(Code::kResourceExhausted,
                fmt::format("{} calls of this run are under way; wait for one to end", kMaxOpenCalls));
  }
  CallContext context = parent;
  context.run = parts_.run;
  context.parent = parent.call;
  context.call = ++last_call_;
  depth_[context.call] = depth;
  return context;
}

Task<Verdict> Pipeline::ask_stages(std::vector<Stage*> stages, std::shared_ptr<const Action> action,
                                   CallContext context, Verdict so_far) {
  for (auto* stage : stages) {
    Verdict verdict;
    try {
      verdict = co_await stage->decide(*action, context, so_far);
    } catch (const std::exception& e) {
      verdict = unavailable(std::string(stage->name()), internal_error(std::string("the stage failed: ") + e.what()));
    }
    const bool refuses = verdict.decision == Decision::kDeny || verdict.decision == Decision::kUnavailable;
    if (refuses && !verdict.audit_only) co_return verdict;
    // Of several answers that let it go on, the most telling stays: an Ask over an Allow, a rule's Allow over a silent
    // one; a human's Allow replaces the Ask it answers.
    const bool answers_ask =
        so_far.decision == Decision::kAsk && verdict.decision == Decision::kAllow && stage->name() == "human";
    if (verdict.decision == Decision::kAsk || verdict.audit_only || so_far.layer.empty() || answers_ask)
      so_far = std::move(verdict);
  }
  co_return so_far;
}

Verdict Pipeline::reserve(const Action& action, const CallContext& context, Judgement& judgement) {
  auto amounts = parts_.ledger.estimate(action);
  if (!amounts) return Verdict::deny("budget", "price", amounts.error().to_string());
  const auto reserved = parts_.ledger.reserve({context.run, context.call, 1}, *amounts);
  if (!reserved) return Verdict::deny("budget", "limit", reserved.error().to_string());
  judgement.reserved = *amounts;
  judgement.has_reservation = true;
  return Verdict::allow("budget", "");
}

Task<Pipeline::Judgement> Pipeline::judge(std::shared_ptr<const Action> action, CallContext context, bool with_budget) {
  Judgement judgement;
  judgement.verdict = co_await ask_stages(parts_.before_budget, action, context, Verdict::allow("", ""));
  const auto goes_on = [&] { return judgement.verdict.allows() || judgement.verdict.decision == Decision::kAsk; };
  if (goes_on() && with_budget) {
    if (auto budget = reserve(*action, context, judgement); !budget.allows()) judgement.verdict = std::move(budget);
  }
  if (goes_on())
    judgement.verdict = co_await ask_stages(parts_.after_budget, action, context, std::move(judgement.verdict));
  if (!judgement.verdict.allows() && judgement.has_reservation) {
    parts_.ledger.release({context.run, context.call, 1});
    judgement.has_reservation = false;
  }
  co_return judgement;
}

Task<Result<>> Pipeline::record_start(std::shared_ptr<const Action> action, CallContext context, Amounts reserved) {
  REMIT_CO_CHECK_OK(parts_.log.append(Reserved{1, reserved}, context.call, context.parent));
  REMIT_CO_TRY(const auto sequence, parts_.log.append(Started{1}, context.call, context.parent));
  if (action->effect == Effect::kIrreversible) REMIT_CO_CHECK_OK(co_await parts_.log.wait_durable(sequence));
  co_return Result<>{};
}

Task<Governed> Pipeline::govern(Action proposed, CallContext parent) {
  auto opened = open_context(parent);
  if (!opened) co_return Governed{0, parent, Verdict::deny("pipeline", "limit", opened.error().to_string()), nullptr};
  Governed governed{opened->call, *opened, {}, nullptr};
  const CallContext context = *opened;
  const auto action = std::make_shared<const Action>(std::move(proposed));
  const auto cancels_before = cancels_;
  const auto refuse = [&](Verdict verdict) {
    leave(context.call);
    governed.verdict = std::move(verdict);
  };

  if (auto logged = parts_.log.append(Proposed{*action}, context.call, context.parent); !logged) {
    refuse(unavailable("run log", logged.error()));
    co_return governed;
  }
  const auto began = parts_.clock.steady_now();
  Executor* executor = parts_.executors.find(action->tool);
  Judgement judgement;
  if (executor) {
    judgement = co_await judge(action, context, true);
  } else {
    judgement.verdict =
        Verdict::deny("pipeline", "unknown tool", fmt::format("this mission has no tool '{}'", action->tool));
  }
  const auto decide_ns = (parts_.clock.steady_now() - began).count();
  // What was cancelled while it was judged must not begin after all.
  if (cancels_ != cancels_before && judgement.verdict.allows()) {
    if (judgement.has_reservation) parts_.ledger.release({context.run, context.call, 1});
    judgement.has_reservation = false;
    judgement.verdict =
        unavailable("pipeline", Error(Code::kCancelled, "the run's calls were cancelled before this one began"));
  }
  auto recorded = Result<>{};
  if (auto logged = parts_.log.append(Judged{judgement.verdict, decide_ns}, context.call, context.parent); !logged) {
    recorded = fail(std::move(logged).error());
  }
  if (recorded && judgement.verdict.allows()) recorded = co_await record_start(action, context, judgement.reserved);
  if (!recorded) {
    if (judgement.has_reservation) parts_.ledger.release({context.run, context.call, 1});
    refuse(unavailable("run log", recorded.error()));
    co_return governed;
  }
  if (!judgement.verdict.allows()) {
    refuse(std::move(judgement.verdict));
    co_return governed;
  }

  auto state = std::make_shared<CallState>(*this, action, context);
  state->inner = executor->start(Permit(action, 1, judgement.reserved), context);
  // Cancelled while Started became durable: it is on record, so it begins and ends as any call.
  if (cancels_ != cancels_before) state->inner->cancel(CancelReason::kStopped);
  ++open_calls_;
  std::erase_if(calls_, [](const auto& call) { return call.expired(); });
  calls_.push_back(state);
  if (context.deadline) {
    const auto watch = state->deadline_watch = std::make_shared<asio::cancellation_signal>();
    asio::co_spawn(parts_.executor, CallState::watch_deadline(state, parts_.clock, *context.deadline),
                   asio::bind_cancellation_slot(watch->slot(), [watch](std::exception_ptr) {}));
  }
  governed.verdict = std::move(judgement.verdict);
  governed.call = std::make_unique<GovernedCall>(std::move(state));
  co_return governed;
}

Task<Pipeline::Ran> Pipeline::run(Action action, CallContext parent) {
  const std::string tool = action.tool, resource = action.resource;
  auto governed = co_await govern(std::move(action), std::move(parent));
  Ran ran{governed.number, governed.verdict, {}};
  if (!governed.call) {
    const auto code =
        governed.verdict.decision == Decision::kUnavailable ? Code::kUnavailable : Code::kPermissionDenied;
    ran.outcome = failed_outcome(Error(code, explain_to_agent(governed.verdict, tool, resource)));
    co_return ran;
  }
  for (;;) {
    Event event = co_await governed.call->next();
    if (auto* done = std::get_if<Done>(&event)) {
      ran.outcome = std::move(done->outcome);
      co_return ran;
    }
  }
}

Task<std::expected<Permit, Verdict>> Pipeline::permit_nested(Action nested, CallContext parent) {
  auto context = open_context(parent);
  if (!context) co_return std::unexpected(Verdict::deny("pipeline", "limit", context.error().to_string()));
  const auto action = std::make_shared<const Action>(std::move(nested));
  const auto began = parts_.clock.steady_now();
  if (auto logged = parts_.log.append(Proposed{*action}, context->call, context->parent); !logged) {
    leave(context->call);
    co_return std::unexpected(unavailable("run log", logged.error()));
  }
  auto judgement = co_await judge(action, *context, false);
  leave(context->call);
  const auto decide_ns = (parts_.clock.steady_now() - began).count();
  if (auto logged = parts_.log.append(Judged{judgement.verdict, decide_ns}, context->call, context->parent); !logged) {
    co_return std::unexpected(unavailable("run log", logged.error()));
  }
  if (!judgement.verdict.allows()) co_return std::unexpected(std::move(judgement.verdict));
  co_return Permit(action, 1, {});
}

Task<Result<>> Pipeline::record_executed(CallContext context, std::uint32_t attempt, Outcome outcome,
                                         std::string layer) {
  REMIT_CO_TRY(const auto sequence, parts_.log.append(Executed{attempt, std::move(outcome), std::move(layer)},
                                                      context.call, context.parent));
  co_return co_await parts_.log.wait_durable(sequence);
}

void Pipeline::settle(CallState& state, Outcome& outcome) {
  if (state.cut) {
    outcome.ok = false;
    outcome.error = Error(Code::kPermissionDenied, "the call was cut while it ran: what it produced was refused");
    outcome.text = outcome.error->to_string();
  }
  const auto charged = parts_.ledger.settle({state.context.run, state.context.call, 1}, *state.action, outcome);
  // A failure to record shows at the next proposal, which the log then refuses; the lease stays charged until a resume
  // reconciles it.
  (void)parts_.log.append(Settled{1, outcome, charged, outcome.usage_known}, state.context.call, state.context.parent);
  for (const auto* stages : {&parts_.before_budget, &parts_.after_budget}) {
    for (auto* stage : *stages) stage->settle(*state.action, state.context, outcome);
  }
  if (state.deadline_watch) state.deadline_watch->emit(asio::cancellation_type::all);
  --open_calls_;
  leave(state.context.call);
}

void Pipeline::leave(std::uint64_t call) {
  depth_.erase(call);
  call_ended_.cancel();
}

Task<> Pipeline::wait_idle() {
  while (busy()) co_await call_ended_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Pipeline::cancel_all(CancelReason reason) {
  ++cancels_;
  for (const auto& call : calls_) {
    if (auto state = call.lock(); state && !state->done) state->inner->cancel(reason);
  }
}

}  // namespace remit::action

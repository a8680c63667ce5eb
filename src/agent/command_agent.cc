#include "agent/command_agent.h"

#include <fmt/format.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/conversation.h"
#include "base/blocking.h"
#include "base/log.h"
#include "base/strings.h"
#include "sandbox/keep_changes.h"

namespace remit::agent {

namespace {

constexpr const char* kWorkspaceTarget = "/work";
constexpr const char* kHome = "/home/agent";
constexpr std::size_t kAnswerBytes = 4u << 10;

std::string describe_end(const sandbox::ExitReport& report) {
  switch (report.ended_by) {
    case sandbox::EndedBy::kExit: return fmt::format("the agent ended with exit code {}", report.exit_code);
    case sandbox::EndedBy::kSignal: return fmt::format("the agent was ended by signal {}", report.signal);
    case sandbox::EndedBy::kOom: return "the agent reached its memory limit (isolation.memory) and was killed";
    case sandbox::EndedBy::kCancelled: return "the agent was ended";
    default: return fmt::format("the agent was ended by {}: {}", to_string(report.ended_by), report.detail);
  }
}

// What a failure of ours left behind is nobody's work.
bool keeps_changes(sandbox::EndedBy ended_by) {
  return ended_by != sandbox::EndedBy::kPolicy && ended_by != sandbox::EndedBy::kInfrastructure;
}

std::string end_of_text(std::string text, std::size_t most) {
  if (text.size() > most) text.erase(0, text.size() - most);
  return to_valid_utf8(trim(text));
}

}  // namespace

// One start of the program.
struct CommandAgent::Life {
  Life(const asio::any_io_executor& executor, Permit&& permitted, CallContext around, std::string door_key)
      : permit(std::move(permitted)),
        context(std::move(around)),
        key(std::move(door_key)),
        lines(key),
        accepting_ended(executor, asio::steady_timer::time_point::max()) {}

  Permit permit;
  CallContext context;
  std::string key;
  std::shared_ptr<sandbox::Layer> layer;
  std::unique_ptr<sandbox::Process> process;
  std::unique_ptr<Doors> doors;
  OutputLines lines;
  bool accepting = false;
  asio::steady_timer accepting_ended;
  std::shared_ptr<asio::cancellation_signal> wind_down;  // Ends the wait of an agent that ended by itself.
};

Action agent_action(const std::vector<std::string>& argv) {
  Action action;
  action.kind = ActionKind::kCommand;
  action.channel = "runtime";
  action.tool = kAgentTool;
  action.resource = argv.empty() ? "" : argv.front();
  json::array words;
  for (const auto& word : argv) words.push_back(json::string(to_valid_utf8(word)));
  action.args = {{"argv", std::move(words)}};
  action.effect = Effect::kWrite;
  return action;
}

CommandAgent::CommandAgent(CommandAgentParts parts) : parts_(std::move(parts)) {}

// Driving.

void CommandAgent::restore(const RunRecord& record) {
  if (const auto* proposed = std::get_if<Proposed>(&record.body)) {
    if (proposed->action.tool == kAgentTool) past_calls_.insert(record.call), restored_outcome_.reset();
  } else if (const auto* settled = std::get_if<Settled>(&record.body); settled && past_calls_.contains(record.call)) {
    restored_outcome_.reset();
    if (!is_interrupted(settled->outcome)) restored_outcome_ = settled->outcome;
  }
}

AgentEnd CommandAgent::end_of(const Outcome& outcome) const {
  AgentEnd end;
  end.answer = get_string(outcome.structured, "answer");
  if (outcome.error) end.reason = outcome.error->message();
  const auto cancelled = get_string(outcome.structured, "cancelled");
  const std::string exhausted = parts_.budget_exhausted ? parts_.budget_exhausted() : "";
  if (cancelled == to_string(CancelReason::kStopped)) {
    end.kind = EndKind::kStopped;
  } else if (cancelled == to_string(CancelReason::kBudget) || (!outcome.ok && !exhausted.empty())) {
    end.kind = EndKind::kExhausted;
    if (!exhausted.empty()) end.reason = exhausted;
  } else {
    end.kind = outcome.ok ? EndKind::kFinished : EndKind::kFailed;
  }
  return end;
}

Task<AgentEnd> CommandAgent::work() {
  if (auto restored = std::exchange(restored_outcome_, std::nullopt)) co_return end_of(*restored);
  if (!past_calls_.empty())
    parts_.host.note("the agent's program is started again; what it had not finished is dropped");
  for (;;) {
    if (!co_await parts_.host.proceed()) co_return AgentEnd{EndKind::kStopped, "", ""};
    auto ran = co_await parts_.pipeline.run(agent_action(parts_.argv), parts_.context);
    past_calls_.insert(ran.number);
    if (ran.verdict.decision == Decision::kAsk && !ran.verdict.allows() && !ran.verdict.approval.empty()) {
      if (co_await parts_.host.wait_for_approval(ran.verdict.approval)) continue;
      co_return AgentEnd{EndKind::kStopped, "", ""};
    }
    if (!ran.verdict.allows()) {
      if (!co_await parts_.host.proceed()) co_return AgentEnd{EndKind::kStopped, "", ""};
      const auto kind = ran.verdict.layer == "budget" ? EndKind::kExhausted : EndKind::kFailed;
      co_return AgentEnd{kind, "", "the agent was not started: " + ran.verdict.reason};
    }
    auto end = end_of(ran.outcome);
    if (end.kind != EndKind::kStopped && !co_await parts_.host.proceed()) end.kind = EndKind::kStopped;
    co_return end;
  }
}

// Budget.

void CommandAgent::observe(const RunRecord& record) {
  const auto* judged = std::get_if<Judged>(&record.body);
  if (!life_ || !judged || judged->verdict.layer != "budget" || judged->verdict.decision != Decision::kDeny) return;
  // An observer may not append, so what follows from it comes a moment later.
  asio::post(parts_.executor, [this, life = std::weak_ptr(life_)] {
    if (const auto alive = life.lock(); alive && alive == life_) budget_refused();
  });
}

void CommandAgent::budget_refused() {
  if (parts_.on_budget == OnBudget::kEnd) parts_.pipeline.cancel_all(CancelReason::kBudget);
  if (parts_.on_budget != OnBudget::kWindDown) return;
  if (!std::exchange(reserve_released_, true)) {
    parts_.host.note("the budget is used up; the agent may use the reserve to return what it has");
    if (parts_.release_return_reserve) parts_.release_return_reserve();
    return;
  }
  if (life_->wind_down) return;
  parts_.host.note(fmt::format("the reserve is used up too; the agent has {} s to finish", kWindDown.count()));
  const auto signal = life_->wind_down = std::make_shared<asio::cancellation_signal>();
  asio::co_spawn(parts_.executor, wind_down(life_),
                 asio::bind_cancellation_slot(signal->slot(), [signal](std::exception_ptr) {}));
}

Task<> CommandAgent::wind_down(std::weak_ptr<Life> watched) {
  const bool over = co_await parts_.clock.sleep_for(kWindDown);
  const auto life = watched.lock();
  if (!over || !life || life != life_) co_return;
  life->wind_down.reset();
  const bool raised = parts_.budget_exhausted && parts_.budget_exhausted().empty();
  if (!raised) parts_.pipeline.cancel_all(CancelReason::kBudget);
}

// The program.

std::unique_ptr<Call> CommandAgent::start(Permit&& permit, CallContext context) {
  auto life = std::make_shared<Life>(parts_.executor, std::move(permit), context, parts_.make_key());
  return make_call(parts_.executor,
                   [this, life](std::shared_ptr<EventSink> sink) { return run(life, std::move(sink)); });
}

sandbox::Spec CommandAgent::spec_of(const Life& life) const {
  sandbox::Spec spec;
  spec.argv = parts_.argv;
  spec.cwd = kWorkspaceTarget;
  sandbox::OverlayPlan overlay = life.layer->mount();
  overlay.target = kWorkspaceTarget;
  spec.mounts.overlays.push_back(std::move(overlay));
  spec.mounts.tmpfs = {{"/tmp", kAgentTmpBytes, 1u << 16}, {kHome, kAgentHomeBytes, 1u << 16}};
  const auto [uid, gid] = parts_.workspace.owner();
  spec.identity = sandbox::Identity{uid, gid};
  spec.limits = parts_.limits;
  spec.limits.wall_time = kAgentWallTime;
  spec.limits.grace = kAgentGrace;
  spec.limits.output_bytes = kAgentOutputBytes;
  spec.bridge_port = kBridgePort;
  const std::string doors = fmt::format("http://127.0.0.1:{}", kBridgePort);
  spec.env = {fmt::format("HOME={}", kHome),
              fmt::format("OPENAI_BASE_URL={}/v1", doors),
              fmt::format("OPENAI_API_KEY={}", life.key),
              fmt::format("REMIT_MCP_URL={}/mcp", doors),
              fmt::format("REMIT_KEY={}", life.key),
              fmt::format("REMIT_GOAL={}", parts_.goal),
              fmt::format("REMIT_RUN_ID={}", life.context.run.to_string()),
              fmt::format("REMIT_WORKSPACE={}", kWorkspaceTarget)};
  return spec;
}

Task<Outcome> CommandAgent::run(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink) {
  const std::string id = fmt::format("call-{}-{}", life->context.call, life->permit.attempt());
  auto layer = co_await run_blocking(parts_.file_pool,
                                     [&workspace = parts_.workspace, id] { return workspace.begin_layer(id); });
  if (!layer) co_return failed_outcome(layer.error().wrap("the workspace could not be prepared"));
  life->layer = std::make_shared<sandbox::Layer>(std::move(*layer));
  auto process = co_await parts_.launcher.start(spec_of(*life));
  if (!process) {
    co_await sandbox::drop_changes(parts_.file_pool, life->layer);
    co_return failed_outcome(process.error().wrap(
        fmt::format("the agent's program '{}' could not be started", printable(parts_.argv.front(), 200))));
  }
  life->process = std::move(*process);
  life->doors = parts_.open_doors(life->context, life->key);
  life_ = life;
  const auto report = co_await live(life, sink);
  life_.reset();
  if (life->wind_down) life->wind_down->emit(asio::cancellation_type::all);
  auto outcome = outcome_of(*life, report, sink->cancelled());
  if (!keeps_changes(report.ended_by)) {
    co_await sandbox::drop_changes(parts_.file_pool, life->layer);
    co_return outcome;
  }
  co_return co_await sandbox::keep_changes(parts_.pipeline, parts_.file_pool, life->context, life->permit.attempt(),
                                           life->layer, std::move(outcome));
}

Task<sandbox::ExitReport> CommandAgent::live(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink) {
  life->accepting = true;
  asio::co_spawn(parts_.executor, accept_connections(life), asio::detached);
  sink->on_cancel([raw = life->process.get()](CancelReason reason) {
    raw->kill(reason == CancelReason::kDeadline ? sandbox::EndedBy::kTimeout : sandbox::EndedBy::kCancelled);
  });
  co_await read_output(life, sink);
  auto report = co_await life->process->wait();
  sink->on_cancel(nullptr);
  while (life->accepting) co_await life->accepting_ended.async_wait(asio::as_tuple(asio::use_awaitable));
  co_await life->doors->close();
  co_return report;
}

Task<> CommandAgent::accept_connections(std::shared_ptr<Life> life) {
  for (;;) {
    auto connection = co_await life->process->accept_bridge();
    if (!connection) break;
    boost::system::error_code error;
    UniqueFd socket(connection->release(error));
    if (error || !socket) continue;
    if (const auto served = life->doors->serve(std::move(socket)); !served)
      log::debug("bridge: {}", served.error().to_string());
  }
  life->accepting = false;
  life->accepting_ended.cancel();
}

Task<> CommandAgent::read_output(std::shared_ptr<Life> life, std::shared_ptr<EventSink> sink) {
  const auto record = [&](std::vector<std::string> lines) {
    for (auto& line : lines) (void)parts_.log.append(Note{std::move(line)}, life->context.call, life->context.parent);
  };
  while (auto output = co_await life->process->next_output()) {
    const bool is_stdout = output->stream == sandbox::Stream::kStdout;
    record(life->lines.add(is_stdout ? OutputLines::Stream::kStdout : OutputLines::Stream::kStderr, output->bytes));
    co_await sink->send(Chunk{is_stdout ? Chunk::Stream::kStdout : Chunk::Stream::kStderr, std::move(output->bytes)});
  }
  record(life->lines.finish());
}

Outcome CommandAgent::outcome_of(const Life& life, const sandbox::ExitReport& report,
                                 std::optional<CancelReason> cancelled) const {
  Outcome outcome;
  outcome.ok = report.ended_by == sandbox::EndedBy::kExit && report.exit_code == 0;
  outcome.text = life.lines.tail(OutputLines::Stream::kStdout);
  const auto errors = end_of_text(life.lines.tail(OutputLines::Stream::kStderr), kAnswerBytes);
  outcome.structured["answer"] = end_of_text(outcome.text, kAnswerBytes);
  if (cancelled) outcome.structured["cancelled"] = jsv(to_string(*cancelled));
  if (!outcome.ok || cancelled) {
    std::string what = describe_end(report);
    if (cancelled) what += fmt::format(" ({})", to_string(*cancelled));
    if (!cancelled && !errors.empty()) what += ": " + errors.substr(errors.rfind('\n') + 1);
    outcome.ok = false;
    outcome.error = Error(cancelled ? Code::kCancelled : Code::kUnavailable, std::move(what));
  }
  if (!errors.empty()) outcome.text += (outcome.text.empty() || outcome.text.ends_with('\n') ? "" : "\n") + errors;
  if (outcome.error) outcome.text += fmt::format("\n[{}]", outcome.error->message());
  outcome.truncated_bytes = static_cast<std::int64_t>(report.truncated_stdout_bytes + report.truncated_stderr_bytes);
  outcome.sandbox = SandboxReport{std::string(to_string(parts_.launcher.tier())), report.create_us, report.run_us,
                                  std::string(to_string(report.ended_by)), report.exit_code};
  return outcome;
}

// The stage.

Task<Verdict> CommandAgentStage::decide(const Action& action, const CallContext& context, const Verdict&) {
  const std::string layer(name());
  if (action.kind == ActionKind::kFileChange) co_return Verdict::allow("", "");
  if (action.tool == kAgentTool) {
    if (context.parent == 0 && action.channel == "runtime") co_return Verdict::allow("", "");
    co_return Verdict::deny(layer, "agent", "only the runtime starts the agent");
  }
  if (action.kind == ActionKind::kModelCall && !parts_.no_model.empty()) {
    auto verdict = Verdict::deny(layer, "no model", parts_.no_model);
    verdict.suggestion =
        "declare a ModelProvider for spec.model.providerRef, or use --live with a key in the environment";
    co_return verdict;
  }
  if (held_ + parts_.open_calls() >= kAgentCalls) {
    co_return Verdict::deny(layer, "limit",
                            fmt::format("{} calls of the agent are under way; wait for one to end", kAgentCalls));
  }
  ++held_;
  const bool goes_on = co_await parts_.hold();
  --held_;
  if (!goes_on) co_return Verdict::deny(layer, "stopped", "the run was stopped");
  co_return Verdict::allow("", "");
}

}  // namespace remit::agent

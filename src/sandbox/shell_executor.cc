#include "sandbox/shell_executor.h"

#include <fmt/format.h>

#include "base/blocking.h"
#include "base/limits.h"
#include "base/strings.h"
#include "sandbox/keep_changes.h"

namespace remit::sandbox {

namespace {

constexpr const char* kWorkspaceTarget = "/work";

// The head and the tail of a long output tell more than either alone.
class OutputText {
 public:
  void add(std::string_view bytes) {
    const std::size_t room = kHead > head_.size() ? kHead - head_.size() : 0;
    head_ += bytes.substr(0, room);
    tail_ += bytes.substr(std::min(room, bytes.size()));
    if (tail_.size() > 2 * kTail) dropped_ += tail_.size() - kTail, tail_.erase(0, tail_.size() - kTail);
  }
  std::string text() {
    if (tail_.size() > kTail) dropped_ += tail_.size() - kTail, tail_.erase(0, tail_.size() - kTail);
    const std::string middle = dropped_ > 0 ? fmt::format("\n[… {} bytes left out …]\n", dropped_) : "";
    return to_valid_utf8(head_) + middle + to_valid_utf8(tail_);
  }
  std::int64_t dropped() const { return static_cast<std::int64_t>(dropped_); }

 private:
  // A replacement character is three bytes for one.
  static constexpr std::size_t kHead = remit::limits::kToolOutputBytes / 12;
  static constexpr std::size_t kTail = remit::limits::kToolOutputBytes / 12;
  std::string head_, tail_;
  std::size_t dropped_ = 0;
};

std::string describe_end(const ExitReport& report) {
  switch (report.ended_by) {
    case EndedBy::kExit: return report.exit_code == 0 ? "" : fmt::format("[exit code {}]", report.exit_code);
    case EndedBy::kSignal: return fmt::format("[ended by signal {}]", report.signal);
    case EndedBy::kTimeout: return "[killed: the time limit was reached; its file changes were kept]";
    case EndedBy::kOom: return "[killed: the memory limit was reached]";
    default: return fmt::format("[ended by {}: {}]", to_string(report.ended_by), report.detail);
  }
}

Task<OutputText> read_output(Process& process, EventSink& sink) {
  OutputText text;
  while (auto output = co_await process.next_output()) {
    text.add(output->bytes);
    const auto stream = output->stream == Stream::kStdout ? Chunk::Stream::kStdout : Chunk::Stream::kStderr;
    co_await sink.send(Chunk{stream, std::move(output->bytes)});
  }
  co_return text;
}

Outcome outcome_of(const ExitReport& report, OutputText output, Tier tier) {
  Outcome outcome;
  outcome.ok = report.ended_by == EndedBy::kExit && report.exit_code == 0;
  outcome.text = output.text();
  if (const auto end = describe_end(report); !end.empty())
    outcome.text += (outcome.text.empty() || outcome.text.ends_with('\n') ? "" : "\n") + end;
  if (!outcome.ok) outcome.error = Error(Code::kUnavailable, describe_end(report));
  outcome.truncated_bytes =
      output.dropped() + static_cast<std::int64_t>(report.truncated_stdout_bytes + report.truncated_stderr_bytes);
  outcome.sandbox = SandboxReport{std::string(to_string(tier)), report.create_us, report.run_us,
                                  std::string(to_string(report.ended_by)), report.exit_code};
  return outcome;
}

// After a cut or a failure of ours the agent must not find half of an effect that it was told did not happen.
bool keeps_changes(EndedBy ended_by) {
  return ended_by != EndedBy::kPolicy && ended_by != EndedBy::kCancelled && ended_by != EndedBy::kInfrastructure;
}

}  // namespace

std::unique_ptr<Call> ShellExecutor::start(Permit&& permit, CallContext context) {
  auto shared = std::make_shared<Permit>(std::move(permit));
  return make_call(parts_.executor, [this, shared, context](std::shared_ptr<EventSink> sink) {
    return run(shared, context, std::move(sink));
  });
}

Task<Result<std::unique_ptr<Process>>> ShellExecutor::launch(const Action& action, const Layer& layer) {
  Spec spec;
  spec.argv = {"/bin/sh", "-c", std::string(get_string(action.args, "command"))};
  spec.cwd = kWorkspaceTarget;
  OverlayPlan overlay = layer.mount();
  overlay.target = kWorkspaceTarget;
  spec.mounts.overlays.push_back(std::move(overlay));
  const auto [uid, gid] = parts_.workspace.owner();
  spec.identity = Identity{uid, gid};
  spec.limits = parts_.limits;
  const std::chrono::nanoseconds wanted = std::chrono::seconds(get_int(action.args, "timeout_s", 30));
  spec.limits.wall_time = std::min(wanted, parts_.limits.wall_time);
  co_return co_await parts_.launcher.start(std::move(spec));
}

Task<Outcome> ShellExecutor::run(std::shared_ptr<Permit> permit, CallContext context, std::shared_ptr<EventSink> sink) {
  const std::string id = fmt::format("call-{}-{}", context.call, permit->attempt());
  auto begun = co_await run_blocking(parts_.file_pool,
                                     [&workspace = parts_.workspace, id] { return workspace.begin_layer(id); });
  if (!begun) co_return failed_outcome(begun.error().wrap("the workspace could not be prepared"));
  auto layer = std::make_shared<Layer>(std::move(*begun));
  auto process = co_await launch(permit->action(), *layer);
  if (!process) {
    co_await drop_changes(parts_.file_pool, layer);
    co_return failed_outcome(process.error().wrap("the sandbox could not be started"));
  }
  sink->on_cancel([raw = process->get()](CancelReason reason) {
    raw->kill(reason == CancelReason::kDeadline ? EndedBy::kTimeout : EndedBy::kCancelled);
  });
  auto output = co_await read_output(**process, *sink);
  const auto report = co_await (*process)->wait();
  sink->on_cancel(nullptr);
  auto outcome = outcome_of(report, std::move(output), parts_.launcher.tier());
  if (!keeps_changes(report.ended_by)) {
    co_await drop_changes(parts_.file_pool, layer);
    co_return outcome;
  }
  co_return co_await keep_changes(*governor_, parts_.file_pool, context, permit->attempt(), std::move(layer),
                                  std::move(outcome));
}

}  // namespace remit::sandbox

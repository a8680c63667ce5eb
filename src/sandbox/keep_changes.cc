#include "sandbox/keep_changes.h"

#include <fmt/format.h>

#include "base/blocking.h"
#include "base/log.h"
#include "base/strings.h"
#include "core/event_channel.h"
#include "sandbox/files_executor.h"

namespace remit::sandbox {

namespace {

Task<std::vector<FileChange>> judge(Governor& governor, CallContext context, std::vector<FileChange> changes) {
  for (auto& change : changes) {
    if (!change.permitted) continue;
    auto permit = co_await governor.permit_nested(file_change_action(change), context);
    if (permit) continue;
    change.permitted = false;
    change.reason = permit.error().reason;
  }
  co_return changes;
}

void report_dropped(const std::vector<FileChange>& changes, std::string& text) {
  std::size_t dropped = 0;
  for (const auto& change : changes) {
    if (change.permitted || ++dropped > kNamedDrops) continue;
    text += fmt::format("\n[not kept: {}: {}]", printable(change.path, 200), change.reason);
  }
  if (dropped > kNamedDrops) text += fmt::format("\n[not kept: {} more]", dropped - kNamedDrops);
}

}  // namespace

Task<> drop_changes(asio::thread_pool& file_pool, std::shared_ptr<Layer> layer) {
  const auto dropped = co_await run_blocking(file_pool, [layer] { return layer->discard(); });
  // Its folder is found again, and removed, when the run is resumed or discarded.
  if (!dropped) log::warn("layer {} could not be removed: {}", layer->id(), dropped.error().to_string());
}

Task<Outcome> keep_changes(Governor& governor, asio::thread_pool& file_pool, CallContext context, std::uint32_t attempt,
                           std::shared_ptr<Layer> layer, Outcome outcome) {
  auto changes = co_await run_blocking(file_pool, [layer] { return layer->changes(); });
  if (!changes || changes->empty()) {
    co_await drop_changes(file_pool, layer);
    if (!changes) {
      outcome.text += fmt::format("\n[no file change was kept: {}]", changes.error().to_string());
      outcome.ok = false, outcome.error = changes.error();
    }
    co_return outcome;
  }
  outcome.changes = co_await judge(governor, context, std::move(*changes));
  report_dropped(outcome.changes, outcome.text);
  if (auto recorded = co_await governor.record_executed(context, attempt, outcome, layer->id()); !recorded) {
    co_await drop_changes(file_pool, layer);
    co_return failed_outcome(recorded.error().wrap("the file changes were dropped, for they could not be recorded"));
  }
  auto merged = co_await run_blocking(
      file_pool, [layer, list = outcome.changes]() mutable { return layer->merge(std::move(list)); });
  if (!merged) co_return failed_outcome(merged.error().wrap("the file changes could not be merged"));
  outcome.changes = std::move(*merged);
  co_return outcome;
}

}  // namespace remit::sandbox

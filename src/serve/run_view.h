// RunView: what the log of one run adds up to: the projection behind status, live view, summary and `-o json`. Feed it every record in order; it can
// be read at any time. A value; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/run_record.h"

namespace remit::serve {

struct CallView {
  std::uint64_t number = 0, parent = 0;
  WallTime proposed{};
  Action action;
  std::optional<Verdict> verdict;
  std::optional<Outcome> outcome;
  Amounts charged;
  Duration took{0};
};

struct DenialView {
  std::uint64_t call = 0;
  std::string action, layer, rule, reason;
};

struct VerdictTotals {
  std::int64_t allow = 0, deny = 0, ask = 0, unavailable = 0;
};

class RunView {
 public:
  void add(const RunRecord& record);

  const RunBegan& began() const { return began_; }
  WallTime started() const { return started_; }
  // Of the last record so far.
  WallTime last_time() const { return last_; }
  const std::string& phase() const { return phase_; }
  const std::string& phase_reason() const { return phase_reason_; }
  const std::string& phase_message() const { return phase_message_; }
  const std::optional<RunEnded>& ended() const { return ended_; }
  const std::vector<CheckResult>& checks() const { return checks_; }
  const std::vector<std::string>& notes() const { return notes_; }

  MicroUsd cost() const { return cost_; }
  const Usage& usage() const { return usage_; }
  std::int64_t charged_calls() const { return calls_charged_; }
  const VerdictTotals& verdicts() const { return verdicts_; }
  const std::vector<DenialView>& denials() const { return denials_; }
  // Path → what became of it against the workspace as it was when the run began.
  const std::map<std::string, FileChange::Kind>& changes() const { return changes_; }
  std::int64_t sandboxes() const { return static_cast<std::int64_t>(create_us_.size()); }
  std::int64_t sandbox_create_p50_us() const;

  // nullptr for a number that no call has. Calls are kept whole, but for the text of their outcomes beyond the first kilobyte.
  const CallView* call(std::uint64_t number) const;
  std::size_t calls() const { return calls_.size(); }

  // The object that `remit run -o json` prints. `left`: sandboxes that still exist.
  json::object summary(const std::string& run_id, std::int64_t left) const;

 private:
  void settle(const RunRecord& record, const Settled& settled);
  void judge(const RunRecord& record, const Judged& judged);
  void change(const FileChange& change);

  RunBegan began_;
  WallTime started_{}, last_{};
  std::string phase_ = "Pending", phase_reason_, phase_message_;
  std::optional<RunEnded> ended_;
  std::vector<CheckResult> checks_;
  std::vector<std::string> notes_;
  MicroUsd cost_;
  Usage usage_;
  std::int64_t calls_charged_ = 0;
  VerdictTotals verdicts_;
  std::vector<DenialView> denials_;
  std::map<std::string, FileChange::Kind> changes_;
  std::vector<std::int64_t> create_us_;
  std::map<std::uint64_t, CallView> calls_;
};

}  // namespace remit::serve

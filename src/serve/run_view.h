// RunView: what the log of one run adds up to: the projection behind status, live view, summary and `-o json`. Feed it
// every record in order; it can be read at any time. A value; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/run_record.h"

namespace remit::serve {

inline constexpr std::size_t kViewCalls = 1024;          // The latest calls; older ones count in the totals only.
inline constexpr std::size_t kViewDenials = 1000;        // The first ones; all of them count in the totals.
inline constexpr std::size_t kViewNotes = 256;           // The latest.
inline constexpr std::size_t kViewSandboxes = 4096;      // The latest, for the median.
inline constexpr std::size_t kViewTextBytes = 1024;      // Of an outcome's text.
inline constexpr std::size_t kViewArgumentBytes = 4096;  // Of an action's arguments; larger ones are left out.

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
  const std::deque<std::string>& notes() const { return notes_; }

  MicroUsd cost() const { return cost_; }
  const Usage& usage() const { return usage_; }
  std::int64_t charged_calls() const { return calls_charged_; }
  const VerdictTotals& verdicts() const { return verdicts_; }
  const std::vector<DenialView>& denials() const { return denials_; }
  // Path → what became of it against the workspace as it was when the run began.
  const std::map<std::string, FileChange::Kind>& changes() const { return changes_; }
  std::int64_t sandboxes() const { return sandboxes_; }
  std::int64_t sandbox_create_p50_us() const;

  // nullptr for a number that no call has, or one that is no more kept. The log has everything.
  const CallView* call(std::uint64_t number) const;
  // How many were proposed, nested ones included.
  std::uint64_t calls() const { return proposed_; }

  // The object that `remit run -o json` prints. `left`: sandboxes that still exist.
  json::object summary(const std::string& run_id, std::int64_t left) const;

 private:
  void propose(const RunRecord& record, const Proposed& proposed);
  void settle(const RunRecord& record, const Settled& settled);
  void judge(const RunRecord& record, const Judged& judged);
  void change(const FileChange& change);

  RunBegan began_;
  WallTime started_{}, last_{};
  std::string phase_ = "Pending", phase_reason_, phase_message_;
  std::optional<RunEnded> ended_;
  std::vector<CheckResult> checks_;
  std::deque<std::string> notes_;
  MicroUsd cost_;
  Usage usage_;
  std::int64_t calls_charged_ = 0;
  VerdictTotals verdicts_;
  std::vector<DenialView> denials_;
  std::map<std::string, FileChange::Kind> changes_;
  std::int64_t sandboxes_ = 0;
  std::uint64_t proposed_ = 0;
  std::deque<std::int64_t> create_us_;
  std::map<std::uint64_t, CallView> calls_;
};

}  // namespace remit::serve

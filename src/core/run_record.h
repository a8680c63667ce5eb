// RunRecord: one record of a run's log, which is the truth about the run. Ledger, trace, status, why, replay and resume
// are projections of it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "core/action.h"
#include "core/call_context.h"
#include "core/event.h"
#include "core/ledger.h"
#include "core/verdict.h"

namespace remit {

// The first record. `mission` is the whole Mission object as it was when the run began; `source` the file it came from,
// "" for none.
struct RunBegan {
  std::string mission_namespace, mission_name, mission_uid;
  std::int64_t generation = 0;
  json::object mission;
  std::string source;
  bool recorded_model = false;
  bool live = false;     // The model came from the environment: a resume asks it again.
  bool resumed = false;  // A later process took the run up again; the fields above are as before.
};

struct Proposed {
  Action action;
};
struct Judged {
  Verdict verdict;
  std::int64_t decide_ns = 0;
};
struct Reserved {
  std::uint32_t attempt = 1;
  Amounts amounts;
};
struct Started {
  std::uint32_t attempt = 1;
};
// The effect has happened and its outcome is known, but its file changes may not all be merged: a resume rolls them
// forward.
struct Executed {
  std::uint32_t attempt = 1;
  Outcome outcome;
  std::string layer;
};
// Charged may differ from what the outcome tells: an attempt without known usage is charged in full.
struct Settled {
  std::uint32_t attempt = 1;
  Outcome outcome;
  Amounts charged;
  bool reconciled = true;
};
struct BudgetChanged {
  Amounts limit;
  Duration active_limit{0};
  std::string by;
};
// Pending, Preparing, Running, WaitingForApproval, Paused, Checking, Succeeded, Failed, Stopped
struct PhaseChanged {
  std::string phase, reason, message;
};
struct CheckResult {
  std::string name;
  bool passed = false;
  std::string output;
  std::int64_t duration_ms = 0;
};
// The last record of a finished run.
struct RunEnded {
  std::string phase, reason;
  bool goal_met = false;
  std::string answer;
};
// A line for people about the run itself (retry, trimming, warning).
struct Note {
  std::string message;
};

using RecordBody = std::variant<RunBegan, Proposed, Judged, Reserved, Started, Executed, Settled, BudgetChanged,
                                PhaseChanged, CheckResult, RunEnded, Note>;

struct RunRecord {
  std::uint64_t sequence = 0;  // From 1, without gaps; given by the log.
  WallTime time{};
  std::uint64_t call = 0;  // 0: about the run itself.
  std::uint64_t parent = 0;
  RecordBody body;
};

std::string_view type_name(const RecordBody& body);  // "RunBegan", "Proposed" …
json::object to_json_object(const RunRecord& record);
Result<RunRecord> run_record_from_json(const json::object& object);

}  // namespace remit

#include "serve/run_view.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::serve {

void RunView::add(const RunRecord& record) {
  last_ = record.time;
  if (const auto* began = std::get_if<RunBegan>(&record.body)) {
    if (!began->resumed) started_ = record.time, began_ = *began;
  } else if (const auto* proposed = std::get_if<Proposed>(&record.body)) {
    propose(record, *proposed);
  } else if (const auto* judged = std::get_if<Judged>(&record.body)) {
    judge(record, *judged);
  } else if (const auto* settled = std::get_if<Settled>(&record.body)) {
    settle(record, *settled);
  } else if (const auto* phase = std::get_if<PhaseChanged>(&record.body)) {
    phase_ = phase->phase, phase_reason_ = phase->reason, phase_message_ = phase->message;
  } else if (const auto* check = std::get_if<CheckResult>(&record.body)) {
    std::erase_if(checks_, [&](const CheckResult& old) { return old.name == check->name; });
    checks_.push_back(*check);
  } else if (const auto* note = std::get_if<Note>(&record.body)) {
    // With a call it is a line that the call printed; those stay in the log.
    if (record.call == 0) notes_.push_back(note->message);
    if (notes_.size() > kViewNotes) notes_.pop_front();
  } else if (const auto* ended = std::get_if<RunEnded>(&record.body)) {
    ended_ = *ended;
    phase_ = ended->phase, phase_reason_ = ended->reason, phase_message_.clear();
  }
}

void RunView::propose(const RunRecord& record, const Proposed& proposed) {
  ++proposed_;
  if (calls_.size() >= kViewCalls) {
    // The oldest that is over; a nested file change is when it is judged.
    const auto over = std::find_if(calls_.begin(), calls_.end(), [](const auto& entry) {
      const CallView& call = entry.second;
      return call.outcome || (call.verdict && (!call.verdict->allows() || call.action.kind == ActionKind::kFileChange));
    });
    calls_.erase(over == calls_.end() ? calls_.begin() : over);
  }
  auto& call = calls_[record.call] = CallView{record.call, record.parent, record.time, proposed.action};
  if (to_json(call.action.args).size() > kViewArgumentBytes) call.action.args = {{"leftOut", true}};
}

void RunView::judge(const RunRecord& record, const Judged& judged) {
  const auto call = calls_.find(record.call);
  if (call != calls_.end()) call->second.verdict = judged.verdict;
  switch (judged.verdict.decision) {
    case Decision::kAllow: ++verdicts_.allow; break;
    case Decision::kDeny: ++verdicts_.deny; break;
    case Decision::kAsk: ++verdicts_.ask; break;
    case Decision::kUnavailable: ++verdicts_.unavailable; break;
  }
  if (judged.verdict.decision != Decision::kDeny || denials_.size() >= kViewDenials || call == calls_.end()) return;
  const auto& action = call->second.action;
  denials_.push_back({record.call, action.resource.empty() ? action.tool : action.tool + " " + action.resource,
                      judged.verdict.layer, judged.verdict.rule, judged.verdict.reason});
}

void RunView::settle(const RunRecord& record, const Settled& settled) {
  if (const auto found = calls_.find(record.call); found != calls_.end()) {
    auto& call = found->second;
    call.outcome = settled.outcome;
    // The whole text stands in the log; what is shown needs its beginning only.
    if (call.outcome->text.size() > kViewTextBytes)
      call.outcome->text = to_valid_utf8(std::string_view(call.outcome->text).substr(0, kViewTextBytes));
    call.outcome->response.reset();
    call.charged = settled.charged;
    call.took = record.time - call.proposed;
  }
  cost_ += settled.charged.cost;
  calls_charged_ += settled.charged.calls;
  usage_ += settled.outcome.usage;
  if (settled.outcome.sandbox) ++sandboxes_, create_us_.push_back(settled.outcome.sandbox->create_us);
  if (create_us_.size() > kViewSandboxes) create_us_.pop_front();
  for (const auto& each : settled.outcome.changes) change(each);
}

void RunView::change(const FileChange& change) {
  if (!change.permitted) return;
  const auto before = changes_.find(change.path);
  const bool was_added = before != changes_.end() && before->second == FileChange::Kind::kAdded;
  if (was_added && change.kind == FileChange::Kind::kDeleted) {
    changes_.erase(before);
  } else if (!was_added) {
    changes_.insert_or_assign(change.path, change.kind);
  }
}

std::int64_t RunView::sandbox_create_p50_us() const {
  if (create_us_.empty()) return 0;
  auto sorted = create_us_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

const CallView* RunView::call(std::uint64_t number) const {
  const auto found = calls_.find(number);
  return found == calls_.end() ? nullptr : &found->second;
}

json::object RunView::summary(const std::string& run_id, std::int64_t left) const {
  json::array checks, denials, changes;
  for (const auto& check : checks_) {
    checks.push_back(json::object{
        {"name", check.name}, {"passed", check.passed}, {"output", check.output}, {"durationMs", check.duration_ms}});
  }
  for (const auto& denial : denials_) {
    denials.push_back(json::object{{"call", denial.call},
                                   {"action", denial.action},
                                   {"layer", denial.layer},
                                   {"rule", denial.rule},
                                   {"reason", denial.reason}});
  }
  for (const auto& [path, kind] : changes_)
    changes.push_back(json::object{{"path", path}, {"kind", jsv(to_string(kind))}});
  return {{"phase", phase_},
          {"reason", phase_reason_},
          {"goalMet", ended_ && ended_->goal_met},
          {"checks", std::move(checks)},
          {"costMicroUSD", cost_.value},
          {"recorded", began_.recorded_model},
          {"tokens",
           {{"input", usage_.input},
            {"cachedInput", usage_.cached_input},
            {"output", usage_.output},
            {"reasoning", usage_.reasoning}}},
          {"calls", calls_charged_},
          {"verdicts",
           {{"allow", verdicts_.allow},
            {"deny", verdicts_.deny},
            {"ask", verdicts_.ask},
            {"unavailable", verdicts_.unavailable}}},
          {"denials", std::move(denials)},
          {"sandboxes", {{"count", sandboxes()}, {"createP50Us", sandbox_create_p50_us()}, {"left", left}}},
          {"changes", std::move(changes)},
          {"answer", ended_ ? ended_->answer : ""},
          {"runId", run_id},
          {"durationMs", std::chrono::duration_cast<std::chrono::milliseconds>(last_ - started_).count()}};
}

}  // namespace remit::serve

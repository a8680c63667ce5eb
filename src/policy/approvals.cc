#include "policy/approvals.h"

#include <algorithm>

#include "base/strings.h"

namespace remit::policy {

Task<Result<std::optional<ApprovalRecord>>> MemoryApprovalBook::find(Ulid run, std::string action_hash) {
  std::optional<ApprovalRecord> granted, pending;
  for (const auto& [name, entry] : entries_) {
    if (entry.run != run || entry.action_hash != action_hash) continue;
    if (entry.record.state == ApprovalState::kRejected) co_return entry.record;
    if (entry.record.state == ApprovalState::kApproved && !entry.consumed) granted = entry.record;
    if (entry.record.state == ApprovalState::kPending) pending = entry.record;
  }
  co_return granted ? granted : pending;
}

Task<Result<std::string>> MemoryApprovalBook::create(ApprovalRequest request) {
  const auto open = std::ranges::count_if(entries_, [&](const auto& item) {
    return item.second.run == request.run && item.second.record.state == ApprovalState::kPending;
  });
  if (static_cast<std::size_t>(open) >= kPendingApprovalsPerRun) {
    co_return fail(
        Code::kResourceExhausted,
        fmt::format("the run waits for {} approvals already (kPendingApprovalsPerRun); answer or reject some",
                    kPendingApprovalsPerRun));
  }
  const auto name = fmt::format("approval-{:06}", next_++);
  Entry entry;
  entry.record.name = name, entry.run = request.run, entry.action_hash = std::move(request.action_hash);
  entries_.emplace(name, std::move(entry));
  co_return name;
}

Task<Result<bool>> MemoryApprovalBook::consume(std::string name) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) co_return fail(not_found(fmt::format("there is no approval '{}'", name)));
  Entry& entry = found->second;
  if (entry.record.state != ApprovalState::kApproved || entry.consumed) co_return false;
  entry.consumed = entry.record.scope == GrantScope::kOnce;
  co_return true;
}

static Result<> check_pending(const ApprovalRecord& record) {
  if (record.state == ApprovalState::kPending) return {};
  return fail(Code::kFailedPrecondition,
              fmt::format("approval '{}' was answered already by {}", record.name, record.decided_by));
}

Result<> MemoryApprovalBook::approve(const std::string& name, GrantScope scope, std::string by) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(not_found(fmt::format("there is no approval '{}'", name)));
  auto& record = found->second.record;
  REMIT_CHECK_OK(check_pending(record));
  record.state = ApprovalState::kApproved, record.scope = scope, record.decided_by = std::move(by);
  return {};
}

Result<> MemoryApprovalBook::reject(const std::string& name, std::string by, std::string message) {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return fail(not_found(fmt::format("there is no approval '{}'", name)));
  auto& record = found->second.record;
  REMIT_CHECK_OK(check_pending(record));
  record.state = ApprovalState::kRejected, record.decided_by = std::move(by), record.message = std::move(message);
  return {};
}

static Verdict human_verdict(Decision decision, const Verdict& asked, std::string approval, std::string reason) {
  Verdict verdict;
  verdict.decision = decision, verdict.layer = "human", verdict.rule = asked.rule, verdict.source = asked.source;
  verdict.approval = std::move(approval), verdict.reason = std::move(reason);
  return verdict;
}

static Verdict unavailable(const Verdict& asked, const Error& error) {
  return human_verdict(Decision::kUnavailable, asked, "", "the approvals cannot be reached: " + error.to_string());
}

static Verdict pending_verdict(const Verdict& asked, const std::string& name) {
  auto verdict = human_verdict(Decision::kAsk, asked, name,
                               fmt::format("{}; a human must answer approval {}", asked.reason, name));
  verdict.suggestion = fmt::format(
      "try the very same call again once it is approved (remit approve {}), or go on with other work", name);
  return verdict;
}

static Verdict rejected_verdict(const Verdict& asked, const ApprovalRecord& record) {
  const auto why = record.message.empty() ? "" : ": " + printable(record.message, 500);
  auto verdict =
      human_verdict(Decision::kDeny, asked, record.name,
                    fmt::format("{} rejected it{}", record.decided_by.empty() ? "a human" : record.decided_by, why));
  verdict.suggestion = "do not try this again in this run; find another way to the goal";
  return verdict;
}

// Named parameters are views into what the pipeline keeps alive until the answer.
Task<Verdict> ApprovalStage::decide(const Action& action, const CallContext& context, const Verdict& so_far) {
  if (so_far.decision != Decision::kAsk) co_return Verdict::allow("human", "", "nothing was asked");
  if (so_far.audit_only) {
    // Mode Audit records that a human would have been asked, and asks nobody.
    auto verdict = human_verdict(Decision::kAsk, so_far, "", so_far.reason);
    verdict.audit_only = true;
    co_return verdict;
  }
  if (on_ask_ == OnAsk::kReject) {
    auto verdict = human_verdict(Decision::kDeny, so_far, "",
                                 so_far.reason + "; this run was told to reject what needs a human (--on-ask=reject)");
    verdict.suggestion =
        fmt::format("change the effect of rule '{}' to Allow, or run without --on-ask=reject", so_far.rule);
    co_return verdict;
  }
  co_return co_await answer(action, context, so_far);
}

Task<Verdict> ApprovalStage::answer(const Action& action, const CallContext& context, const Verdict& asked) {
  const auto hash = action.hash();
  auto found = co_await book_.find(context.run, hash);
  if (!found) co_return unavailable(asked, found.error());
  if (*found && (*found)->state == ApprovalState::kRejected) co_return rejected_verdict(asked, **found);
  if (*found && (*found)->state == ApprovalState::kApproved) {
    const auto consumed = co_await book_.consume((*found)->name);
    if (!consumed) co_return unavailable(asked, consumed.error());
    if (*consumed) {
      const auto scope = (*found)->scope == GrantScope::kRun ? "for the run" : "once";
      co_return human_verdict(Decision::kAllow, asked, (*found)->name,
                              fmt::format("approved {} by {}", scope, (*found)->decided_by));
    }
    // Another call took the grant in the meantime: ask anew.
    found->reset();
  }
  if (*found) co_return pending_verdict(asked, (*found)->name);
  ApprovalRequest request;
  request.run = context.run, request.call = context.call, request.action = action, request.action_hash = hash,
  request.asked_by = asked;
  const auto created = co_await book_.create(std::move(request));
  if (!created) co_return unavailable(asked, created.error());
  co_return pending_verdict(asked, *created);
}

}  // namespace remit::policy

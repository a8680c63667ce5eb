#include "serve/approval_book.h"

#include <fmt/format.h>

#include "resource/approval.h"

namespace remit::serve {

namespace {

constexpr const char* kRunLabel = "remit.dev/run";

policy::ApprovalRecord record_of(const resource::Approval& approval) {
  policy::ApprovalRecord record;
  record.name = approval.metadata.name;
  if (approval.status.decision == resource::ApprovalDecision::kApproved)
    record.state = policy::ApprovalState::kApproved;
  if (approval.status.decision == resource::ApprovalDecision::kRejected)
    record.state = policy::ApprovalState::kRejected;
  if (approval.status.scope == resource::ApprovalScope::kRun) record.scope = policy::GrantScope::kRun;
  record.decided_by = approval.status.by;
  record.message = approval.status.message;
  return record;
}

// A rejection counts before a grant, a grant before an open question; a used grant does not count.
int weight(const resource::Approval& approval) {
  switch (approval.status.decision) {
    case resource::ApprovalDecision::kRejected: return 3;
    case resource::ApprovalDecision::kApproved:
      return approval.status.consumed && approval.status.scope == resource::ApprovalScope::kOnce ? 0 : 2;
    case resource::ApprovalDecision::kPending: return 1;
  }
  return 0;
}

}  // namespace

Task<Result<std::vector<resource::Object>>> StoreApprovalBook::of_run(Ulid run) {
  std::vector<resource::Object> objects;
  resource::ListOptions options;
  options.kind = resource::Approval::kKind;
  options.ns = ns_;
  REMIT_CO_TRY(options.selector, resource::LabelSelector::parse(fmt::format("{}={}", kRunLabel, run.to_string())));
  for (;;) {
    REMIT_CO_TRY(auto page, co_await store_.list(options));
    for (auto& object : page.items) objects.push_back(std::move(object));
    if (page.continue_token.empty()) co_return objects;
    options.continue_token = page.continue_token;
  }
}

Task<Result<std::optional<policy::ApprovalRecord>>> StoreApprovalBook::find(Ulid run, std::string action_hash) {
  REMIT_CO_TRY(const auto objects, co_await of_run(run));
  std::optional<policy::ApprovalRecord> best;
  int best_weight = 0;
  for (const auto& object : objects) {
    REMIT_CO_TRY(const auto approval, resource::from_object<resource::Approval>(object));
    if (approval.spec.action.hash != action_hash || weight(approval) <= best_weight) continue;
    best_weight = weight(approval);
    best = record_of(approval);
  }
  co_return best;
}

Task<Result<std::string>> StoreApprovalBook::create(policy::ApprovalRequest request) {
  REMIT_CO_TRY(const auto objects, co_await of_run(request.run));
  std::size_t open = 0;
  for (const auto& object : objects) {
    REMIT_CO_TRY(const auto approval, resource::from_object<resource::Approval>(object));
    if (approval.status.decision == resource::ApprovalDecision::kPending) ++open;
  }
  if (open >= policy::kPendingApprovalsPerRun) {
    co_return fail(Code::kResourceExhausted,
                   fmt::format("{} approvals of this run are open already; answer some first", open));
  }
  resource::Approval approval;
  approval.metadata.generate_name = mission_ + "-";
  approval.metadata.ns = ns_;
  approval.metadata.labels[kRunLabel] = request.run.to_string();
  approval.spec.mission_ref = {mission_};
  approval.spec.run_id = request.run.to_string();
  approval.spec.call = static_cast<std::int64_t>(request.call);
  approval.spec.action = {request.action.tool, request.action.resource, request.action.args, request.action_hash};
  approval.spec.reason = request.asked_by.reason;
  approval.spec.rule = request.asked_by.rule;
  approval.spec.justification = request.action.justification;
  REMIT_CO_TRY(const auto created, co_await store_.create(resource::to_object(approval)));
  co_return std::string(created.name());
}

Task<Result<bool>> StoreApprovalBook::consume(std::string name) {
  // The stale resourceVersion of a second taker makes its update fail, so a grant for one call is used once.
  REMIT_CO_TRY(auto object, co_await store_.get({std::string(resource::Approval::kKind), ns_, name}));
  REMIT_CO_TRY(auto approval, resource::from_object<resource::Approval>(object));
  if (approval.status.decision != resource::ApprovalDecision::kApproved) co_return false;
  if (approval.status.scope == resource::ApprovalScope::kRun) co_return true;
  if (approval.status.consumed) co_return false;
  approval.status.consumed = true;
  auto updated = co_await store_.update_status(resource::to_object(approval));
  if (!updated && updated.error().code() == Code::kConflict) co_return false;
  if (!updated) co_return fail(updated.error());
  co_return true;
}

Task<Result<>> answer_approval(resource::Store& store, std::string ns, std::string name, bool approve, bool for_run,
                               std::string by, std::string message, std::string now_rfc3339) {
  REMIT_CO_TRY(auto object, co_await store.get({std::string(resource::Approval::kKind), ns, name}));
  REMIT_CO_TRY(auto approval, resource::from_object<resource::Approval>(object));
  if (approval.status.decision != resource::ApprovalDecision::kPending) {
    const bool was_approved = approval.status.decision == resource::ApprovalDecision::kApproved;
    co_return fail(Code::kFailedPrecondition, fmt::format("approval {} was {} by {} already", name,
                                                          was_approved ? "approved" : "rejected", approval.status.by));
  }
  approval.status.decision = approve ? resource::ApprovalDecision::kApproved : resource::ApprovalDecision::kRejected;
  approval.status.scope = for_run ? resource::ApprovalScope::kRun : resource::ApprovalScope::kOnce;
  approval.status.by = std::move(by);
  approval.status.message = std::move(message);
  approval.status.at = std::move(now_rfc3339);
  auto updated = co_await store.update_status(resource::to_object(approval));
  if (!updated) co_return fail(updated.error());
  co_return Result<>{};
}

}  // namespace remit::serve

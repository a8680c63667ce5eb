// StoreApprovalBook: approvals of one mission's runs as objects of kind Approval, so that any process with the store
// can answer them. One shard's thread.
#pragma once

#include "policy/approvals.h"
#include "resource/store.h"

namespace remit::serve {

class StoreApprovalBook final : public policy::ApprovalBook {
 public:
  StoreApprovalBook(resource::Store& store, std::string ns, std::string mission)
      : store_(store), ns_(std::move(ns)), mission_(std::move(mission)) {}

  Task<Result<std::optional<policy::ApprovalRecord>>> find(Ulid run, std::string action_hash) override;
  Task<Result<std::string>> create(policy::ApprovalRequest request) override;
  Task<Result<bool>> consume(std::string name) override;

 private:
  Task<Result<std::vector<resource::Object>>> of_run(Ulid run);

  resource::Store& store_;
  std::string ns_, mission_;
};

// The answer to an approval, from `remit approve|reject` or the live view. kFailedPrecondition when it was answered
// before.
Task<Result<>> answer_approval(resource::Store& store, std::string ns, std::string name, bool approve, bool for_run,
                               std::string by, std::string message, std::string now_rfc3339);

}  // namespace remit::serve

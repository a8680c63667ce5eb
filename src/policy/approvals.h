// The last safeguard: an Ask becomes an Approval that a human answers. A grant is bound to the action's hash and the
// run, once or for the run. Ask is a durable state: the caller gets the approval's name at once, and an identical retry
// consumes the grant.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/task.h"
#include "core/action.h"
#include "core/call_context.h"
#include "core/stage.h"
#include "core/verdict.h"

namespace remit::policy {

inline constexpr std::size_t kPendingApprovalsPerRun = 64;

enum class ApprovalState : std::uint8_t { kPending, kApproved, kRejected };
enum class GrantScope : std::uint8_t { kOnce, kRun };

struct ApprovalRecord {
  std::string name;
  ApprovalState state = ApprovalState::kPending;
  GrantScope scope = GrantScope::kOnce;
  std::string decided_by;  // Who answered; "" while pending.
  std::string message;     // The human's reason.
};

struct ApprovalRequest {
  Ulid run;
  std::uint64_t call = 0;
  Action action;
  std::string action_hash;
  Verdict asked_by;  // The Ask of the stage before: rule, reason, source.
};

// Where approvals live. `serve` keeps them as objects of kind Approval. Called on the shard's thread.
class ApprovalBook {
 public:
  virtual ~ApprovalBook() = default;
  // The approval that counts for this action of this run: a rejected one, else one with a grant left, else a pending
  // one, else none.
  virtual Task<Result<std::optional<ApprovalRecord>>> find(Ulid run, std::string action_hash) = 0;
  // The name of the new pending approval. kResourceExhausted when the run has kPendingApprovalsPerRun open ones.
  virtual Task<Result<std::string>> create(ApprovalRequest request) = 0;
  // Uses up a grant: true for exactly one caller when its scope is kOnce, always true for kRun. Durable before it
  // returns.
  virtual Task<Result<bool>> consume(std::string name) = 0;
};

// For tests and for runs without a store. One thread.
class MemoryApprovalBook final : public ApprovalBook {
 public:
  Task<Result<std::optional<ApprovalRecord>>> find(Ulid run, std::string action_hash) override;
  Task<Result<std::string>> create(ApprovalRequest request) override;
  Task<Result<bool>> consume(std::string name) override;

  Result<> approve(const std::string& name, GrantScope scope, std::string by);
  Result<> reject(const std::string& name, std::string by, std::string message);

 private:
  struct Entry {
    ApprovalRecord record;
    Ulid run;
    std::string action_hash;
    bool consumed = false;
  };
  std::map<std::string, Entry> entries_;
  std::uint64_t next_ = 1;
};

enum class OnAsk : std::uint8_t { kWait, kReject };

// The stage "human". It answers only an Ask of a stage before; whatever is allowed passes.
class ApprovalStage final : public Stage {
 public:
  ApprovalStage(ApprovalBook& book, OnAsk on_ask) : book_(book), on_ask_(on_ask) {}
  std::string_view name() const override { return "human"; }
  Task<Verdict> decide(const Action& action, const CallContext& context, const Verdict& so_far) override;

 private:
  Task<Verdict> answer(const Action& action, const CallContext& context, const Verdict& asked);
  ApprovalBook& book_;
  OnAsk on_ask_;
};

}  // namespace remit::policy

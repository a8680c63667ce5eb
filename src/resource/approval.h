// Approval: one question to a human (or another agent) about one action, and the answer. The runtime writes spec,
// whoever decides writes status.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "resource/meta.h"

namespace remit::resource {

enum class ApprovalDecision : std::uint8_t { kPending, kApproved, kRejected };
enum class ApprovalScope : std::uint8_t { kOnce, kRun };

struct ApprovalAction {
  std::string tool;
  std::string resource;
  json::object args;
  std::string hash;  // Action::hash(): what the grant is bound to.
  friend bool operator==(const ApprovalAction&, const ApprovalAction&) = default;
};

struct ApprovalSpec {
  NameRef mission_ref;
  std::string run_id;
  std::int64_t call = 0;
  ApprovalAction action;
  std::string reason;         // Why it is asked.
  std::string rule;           // The rule that asks.
  std::string justification;  // What the agent says. Untrusted.
  friend bool operator==(const ApprovalSpec&, const ApprovalSpec&) = default;
};

struct ApprovalStatus {
  ApprovalDecision decision = ApprovalDecision::kPending;
  ApprovalScope scope = ApprovalScope::kOnce;
  std::string by;
  std::string at;  // RFC 3339
  std::string message;
  bool consumed = false;  // A grant for one call was used.
  friend bool operator==(const ApprovalStatus&, const ApprovalStatus&) = default;
};

struct Approval {
  static constexpr std::string_view kKind = "Approval";
  ObjectMeta metadata;
  ApprovalSpec spec;
  ApprovalStatus status;
  friend bool operator==(const Approval&, const Approval&) = default;
};

}  // namespace remit::resource

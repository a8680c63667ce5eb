// Verdict: what the pipeline decided about an action, by which layer and rule, and why.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace remit {

enum class Decision : std::uint8_t {
  kAllow,
  kDeny,
  kAsk,          // A human or another agent decides; the action did not run.
  kUnavailable,  // A judge could not answer; the action did not run. Never shown as a risk.
};

struct Verdict {
  Decision decision = Decision::kDeny;
  std::string layer;        // permissions, budget, human …
  std::string rule;         // The rule's name; "" when no rule matched.
  std::string reason;       // One sentence for the agent and for people.
  std::string source;       // "mission.yaml:21" when the rule has a place.
  std::string suggestion;   // The smallest change that would have allowed it, or what is allowed instead; may be "".
  std::string approval;     // Name of the Approval, when one exists.
  bool audit_only = false;  // Mode Audit: recorded, not held back.

  bool allows() const { return decision == Decision::kAllow || audit_only; }
  static Verdict allow(std::string layer, std::string rule, std::string reason = "") {
    Verdict verdict;
    verdict.decision = Decision::kAllow;
    verdict.layer = std::move(layer), verdict.rule = std::move(rule), verdict.reason = std::move(reason);
    return verdict;
  }
  static Verdict deny(std::string layer, std::string rule, std::string reason) {
    Verdict verdict;
    verdict.layer = std::move(layer), verdict.rule = std::move(rule), verdict.reason = std::move(reason);
    return verdict;
  }
};

std::string_view to_string(Decision decision);  // "Allow", "Deny", "Ask", "Unavailable"
Result<Decision> parse_decision(std::string_view text);
json::object to_json_object(const Verdict& verdict);
Result<Verdict> verdict_from_json(const json::object& object);

// What the agent is told when its action does not run: what was refused, by which rule, and what would be allowed.
std::string explain_to_agent(const Verdict& verdict, std::string_view tool, std::string_view resource);

}  // namespace remit

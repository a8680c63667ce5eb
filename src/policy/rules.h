// What a mission permits, as plain values: `serve` makes them of the Mission kind. Every `source` is "file:line" for
// messages, "" when unknown.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace remit::policy {

inline constexpr std::size_t kRules = 256;
inline constexpr std::size_t kToolsPerRule = 64;
inline constexpr std::size_t kEgressRules = 256;
inline constexpr std::size_t kWriteGlobs = 256;
inline constexpr std::size_t kAncestors = 16;

enum class RuleEffect : std::uint8_t { kAllow, kAsk, kDeny };
enum class Mode : std::uint8_t { kEnforce, kAudit };

std::string_view to_string(RuleEffect effect);  // "Allow", "Ask", "Deny"
Result<RuleEffect> parse_rule_effect(std::string_view text);
std::string_view to_string(Mode mode);  // "Enforce", "Audit"
Result<Mode> parse_mode(std::string_view text);

struct RuleSpec {
  std::string name;
  RuleEffect effect = RuleEffect::kDeny;
  std::vector<std::string> tools;  // Globs: "files.*".
  std::string when;                // CEL; "" for always. Its variables are listed in policy/permissions.h.
  std::string source;
};

struct EgressRule {
  std::string name;
  std::string host;          // "api.example.com" or "*.example.com".
  std::uint16_t port = 443;  // 0 reads as 443.
  std::string source;
};

// A model that the mission may call. Globs: a command agent may be given {"default", "*"}.
struct ModelRule {
  std::string provider;
  std::string name;
  std::string source;
};

struct WorkspaceRule {
  std::string root = "/workspace";  // As the agent sees it.
  std::vector<std::string> write;   // Path globs; empty: nothing may be written.
  // As in .gitignore, without '!': "x" at any depth, "/x" at the root; a hidden folder hides what is below it.
  std::vector<std::string> hide;
  std::string source;
};

struct PermissionsSpec {
  Mode mode = Mode::kEnforce;
  std::vector<RuleSpec> rules;
  std::vector<EgressRule> egress;
  std::vector<ModelRule> models;
  WorkspaceRule workspace;
  json::object mission;  // What conditions see as `mission`: name, namespace, goal, labels, importance.
  std::string source;    // Where `permissions` stands.
};

}  // namespace remit::policy

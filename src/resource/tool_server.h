// ToolServer: tools, what each does to the world, and where they are reached. Retry, resume and provenance depend on
// what is declared here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "core/action.h"
#include "resource/meta.h"
#include "resource/quantity.h"

namespace remit::resource {

enum class ToolServerType : std::uint8_t { kBuiltin, kMcp };

struct McpEndpoint {
  std::string url;                     // http or https, Streamable HTTP.
  std::optional<SecretRef> token_ref;  // Sent as a bearer token.
  friend bool operator==(const McpEndpoint&, const McpEndpoint&) = default;
};

struct ToolDeclaration {
  std::string name;  // "files.read"
  std::string description;
  Effect effect = Effect::kIrreversible;  // Always written out; the default is for a tool that nobody declared.
  bool idempotent = false;
  Duration timeout = std::chrono::minutes(1);
  json::object input_schema;  // JSON Schema; empty: anything.
  friend bool operator==(const ToolDeclaration&, const ToolDeclaration&) = default;
};

struct ToolServerSpec {
  ToolServerType type = ToolServerType::kBuiltin;
  std::optional<McpEndpoint> mcp;
  std::vector<ToolDeclaration> tools;
  friend bool operator==(const ToolServerSpec&, const ToolServerSpec&) = default;
};

struct ToolServerStatus {
  std::int64_t observed_generation = 0;
  std::vector<Condition> conditions;
  friend bool operator==(const ToolServerStatus&, const ToolServerStatus&) = default;
};

struct ToolServer {
  static constexpr std::string_view kKind = "ToolServer";
  ObjectMeta metadata;
  ToolServerSpec spec;
  ToolServerStatus status;
  friend bool operator==(const ToolServer&, const ToolServer&) = default;
};

}  // namespace remit::resource

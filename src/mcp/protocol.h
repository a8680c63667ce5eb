// The words of MCP: versions, methods, and the objects of tools in the form each version has them. Plain values, no
// I/O, any thread.
//
// MCP has two eras. In the first (2024-11-05 to 2025-11-25) client and server open a session with `initialize`; this is
// what Version names and what ServerSession serves. In the second (from 2026-07-28) each request stands for itself; a
// request of that era is answered with unsupported_version(), which tells such a client to fall back. A client of ours,
// and the second era, belong into this module too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "mcp/json_rpc.h"

namespace remit::mcp {

enum class Version : std::uint8_t { k2025_03_26, k2025_06_18, k2025_11_25 };
inline constexpr Version kLatestVersion = Version::k2025_11_25;
// What a request without an MCP-Protocol-Version header speaks, when nothing else tells.
inline constexpr Version kDefaultVersion = Version::k2025_03_26;

std::string_view to_string(Version version);  // "2025-11-25"
std::optional<Version> parse_version(std::string_view text);
std::vector<std::string_view> known_versions();  // Oldest first.

// What differs between the versions.
inline bool has_batches(Version version) { return version == Version::k2025_03_26; }
inline bool has_structured_content(Version version) { return version >= Version::k2025_06_18; }
inline bool has_version_header(Version version) { return version >= Version::k2025_06_18; }

// Of the second era, sent on a request for a version that we do not speak; `data` names those we do.
inline constexpr int kUnsupportedProtocolVersion = -32022;
RpcError unsupported_version(std::string_view requested);

struct Implementation {
  std::string name;
  std::string title;  // From 2025-06-18 on; "" for none.
  std::string version;
};

struct ToolDescription {
  std::string name;
  std::string description;
  json::object input_schema;
  // Hints for clients, which we keep although no client must trust them.
  bool read_only = false;
  bool destructive = true;
  bool idempotent = false;
  bool open_world = false;
};

struct ToolResult {
  std::string text;
  bool is_error = false;
  json::object structured;  // Left out where the version has no structuredContent, and when empty.
};

// The severities of RFC 5424, as MCP names them.
enum class LogLevel : std::uint8_t { kDebug, kInfo, kNotice, kWarning, kError, kCritical, kAlert, kEmergency };
std::string_view to_string(LogLevel level);  // "debug" …
Result<LogLevel> parse_log_level(std::string_view text);

json::object encode_tool(const ToolDescription& tool, Version version);
json::object encode_tool_result(const ToolResult& result, Version version);
// progress grows from one to the next. `message` may be "".
json::object encode_progress(const RequestId& token, double progress, std::string_view message);
json::object encode_log(LogLevel level, std::string_view logger, std::string_view text);

}  // namespace remit::mcp

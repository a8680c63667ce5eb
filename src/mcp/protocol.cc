#include "mcp/protocol.h"

#include "base/strings.h"
#include "core/enum_names.h"

namespace remit::mcp {
namespace {

constexpr EnumNames<Version, 3> kVersions{"a protocol version", {"2025-03-26", "2025-06-18", "2025-11-25"}};
constexpr EnumNames<LogLevel, 8> kLevels{
    "a log level", {"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}};

}  // namespace

std::string_view to_string(Version version) { return kVersions.name(version); }

std::optional<Version> parse_version(std::string_view text) {
  const auto version = kVersions.parse(text);
  return version ? std::optional(*version) : std::nullopt;
}

std::vector<std::string_view> known_versions() { return {kVersions.names.begin(), kVersions.names.end()}; }

RpcError unsupported_version(std::string_view requested) {
  json::array supported;
  for (const auto version : known_versions()) supported.emplace_back(jsv(version));
  const std::string shown = printable(requested, 64);
  return {kUnsupportedProtocolVersion,
          fmt::format("protocol version {} is not spoken here; send initialize with one of {}", shown,
                      fmt::join(known_versions(), ", ")),
          json::object{{"supported", std::move(supported)}, {"requested", shown}}};
}

std::string_view to_string(LogLevel level) { return kLevels.name(level); }
Result<LogLevel> parse_log_level(std::string_view text) { return kLevels.parse(text); }

json::object encode_tool(const ToolDescription& tool, Version) {
  json::object annotations{{"readOnlyHint", tool.read_only}};
  if (!tool.read_only)
    annotations["destructiveHint"] = tool.destructive, annotations["idempotentHint"] = tool.idempotent;
  annotations["openWorldHint"] = tool.open_world;
  return {{"name", tool.name},
          {"description", tool.description},
          {"inputSchema", tool.input_schema},
          {"annotations", std::move(annotations)}};
}

json::object encode_tool_result(const ToolResult& result, Version version) {
  json::object content{{"type", "text"}, {"text", to_valid_utf8(result.text)}};
  json::object object{{"content", json::array{std::move(content)}}, {"isError", result.is_error}};
  if (has_structured_content(version) && !result.structured.empty()) object["structuredContent"] = result.structured;
  return object;
}

json::object encode_progress(const RequestId& token, double progress, std::string_view message) {
  json::object params{{"progressToken", to_json_value(token)}, {"progress", progress}};
  if (!message.empty()) params["message"] = to_valid_utf8(message);
  return encode_notification("notifications/progress", std::move(params));
}

json::object encode_log(LogLevel level, std::string_view logger, std::string_view text) {
  return encode_notification(
      "notifications/message",
      {{"level", jsv(to_string(level))}, {"logger", jsv(logger)}, {"data", to_valid_utf8(text)}});
}

}  // namespace remit::mcp

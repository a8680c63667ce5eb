#include "mcp/server_session.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "base/strings.h"

namespace remit::mcp {
namespace {

constexpr std::string_view kCursorPrefix = "tools:";

Step answer(const RequestId& id, json::value result) { return step::Answer{encode_result(id, std::move(result))}; }
Step refuse(const RequestId& id, int code, std::string message) {
  return step::Answer{encode_error(id, {code, std::move(message), nullptr})};
}

std::string cursor_for(std::size_t offset) { return fmt::format("{}{}", kCursorPrefix, offset); }

std::optional<std::size_t> offset_of(std::string_view cursor) {
  if (!cursor.starts_with(kCursorPrefix)) return std::nullopt;
  cursor.remove_prefix(kCursorPrefix.size());
  std::size_t offset = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), offset);
  if (error != std::errc() || end != cursor.data() + cursor.size()) return std::nullopt;
  return offset;
}

std::string short_text(const json::object& object, std::string_view key) {
  return to_valid_utf8(get_string(object, key).substr(0, kClientNameBytes));
}

}  // namespace

Step ServerSession::receive(RpcMessage message) {
  if (auto* asked = std::get_if<RpcRequest>(&message)) return request(std::move(*asked));
  if (auto* told = std::get_if<RpcNotification>(&message)) return notification(std::move(*told));
  return step::Accepted{};  // We ask clients nothing, so their responses answer nothing.
}

Step ServerSession::request(RpcRequest asked) {
  if (asked.method == "ping") return answer(asked.id, json::object());
  if (asked.method == "initialize") return initialize(asked);
  if (state_ == State::kNew)
    return refuse(asked.id, kInvalidRequest, "the session has not begun: send initialize first");
  if (asked.method == "tools/list") return list_tools(asked);
  if (asked.method == "tools/call") return call_tool(std::move(asked));
  if (asked.method == "logging/setLevel") return set_level(asked);
  constexpr std::array<std::string_view, 5> kMethods = {"initialize", "ping", "tools/list", "tools/call",
                                                        "logging/setLevel"};
  const auto near = nearest(asked.method, kMethods);
  return refuse(asked.id, kMethodNotFound,
                fmt::format("there is no method '{}' here{}", printable(asked.method, 100),
                            near.empty() ? "" : fmt::format("; did you mean {}?", near)));
}

Step ServerSession::initialize(const RpcRequest& asked) {
  if (state_ != State::kNew)
    return refuse(asked.id, kInvalidRequest, "this session has begun already; begin another for another client");
  const auto requested = get_string(asked.params, "protocolVersion");
  if (requested.empty())
    return refuse(asked.id, kInvalidParams, "protocolVersion: expected text such as \"2025-11-25\"");
  // A version that we do not know is answered with our latest; whether to go on is the client's choice.
  version_ = parse_version(requested).value_or(kLatestVersion);
  if (const auto* client = find_object(asked.params, "clientInfo")) {
    client_ = {short_text(*client, "name"), short_text(*client, "title"), short_text(*client, "version")};
  }
  state_ = State::kInitializing;
  json::object server{{"name", info_.implementation.name}, {"version", info_.implementation.version}};
  if (!info_.implementation.title.empty() && version_ >= Version::k2025_06_18)
    server["title"] = info_.implementation.title;
  json::object result{{"protocolVersion", jsv(to_string(version_))},
                      {"capabilities", {{"tools", json::object()}, {"logging", json::object()}}},
                      {"serverInfo", std::move(server)}};
  if (!info_.instructions.empty()) result["instructions"] = info_.instructions;
  return answer(asked.id, std::move(result));
}

Step ServerSession::list_tools(const RpcRequest& asked) const {
  const auto* cursor = find(asked.params, "cursor");
  if (!cursor || cursor->is_null()) return step::ListTools{asked.id, 0};
  const auto offset = cursor->is_string() ? offset_of(std::string_view(cursor->get_string())) : std::nullopt;
  if (!offset) return refuse(asked.id, kInvalidParams, "cursor: not one that this server gave");
  return step::ListTools{asked.id, *offset};
}

Step ServerSession::call_tool(RpcRequest asked) {
  const std::string name(get_string(asked.params, "name"));
  if (name.empty() || name.size() > kToolNameBytes) {
    return refuse(asked.id, kInvalidParams,
                  fmt::format("name: expected the name of a tool, at most {} bytes", kToolNameBytes));
  }
  const auto* arguments = find(asked.params, "arguments");
  if (arguments && !arguments->is_object() && !arguments->is_null())
    return refuse(asked.id, kInvalidParams, "arguments: expected an object");
  if (open_.contains(asked.id)) return refuse(asked.id, kInvalidRequest, "id: a call with this id is under way");
  if (open_.size() >= kOpenRequests) {
    return refuse(asked.id, kInvalidRequest,
                  fmt::format("{} calls of this session are under way, the limit; wait for one to end", kOpenRequests));
  }
  step::CallTool call{asked.id, name, arguments && arguments->is_object() ? arguments->get_object() : json::object(),
                      std::nullopt};
  if (const auto* meta = find_object(asked.params, "_meta")) {
    if (const auto* token = find(*meta, "progressToken")) {
      call.progress_token = request_id_from_json(*token);
      if (!call.progress_token)
        return refuse(asked.id, kInvalidParams, "progressToken: expected text or a whole number");
    }
  }
  open_.emplace(asked.id, false);
  return call;
}

Step ServerSession::set_level(const RpcRequest& asked) {
  const auto level = parse_log_level(get_string(asked.params, "level"));
  if (!level) return refuse(asked.id, kInvalidParams, "level: " + level.error().message());
  log_level_ = *level;
  return answer(asked.id, json::object());
}

Step ServerSession::notification(RpcNotification told) {
  if (told.method == "notifications/initialized" && state_ == State::kInitializing) state_ = State::kReady;
  if (told.method == "notifications/cancelled") return cancel(told);
  return step::Accepted{};
}

Step ServerSession::cancel(const RpcNotification& told) {
  const auto* raw = find(told.params, "requestId");
  const auto id = raw ? request_id_from_json(*raw) : std::nullopt;
  const auto open = id ? open_.find(*id) : open_.end();
  if (open == open_.end()) return step::Accepted{};  // It had ended when the client wrote this.
  open->second = true;
  return step::Cancel{*id, printable(get_string(told.params, "reason"), 200)};
}

bool ServerSession::is_cancelled(const RequestId& id) const {
  const auto open = open_.find(id);
  return open != open_.end() && open->second;
}

json::object ServerSession::tools_page(const step::ListTools& asked, std::span<const ToolDescription> tools) const {
  json::array page;
  const std::size_t begin = std::min(asked.offset, tools.size());
  const std::size_t end = std::min(begin + kToolsPerPage, tools.size());
  for (const auto& tool : tools.subspan(begin, end - begin)) page.push_back(encode_tool(tool, version_));
  json::object result{{"tools", std::move(page)}};
  if (end < tools.size()) result["nextCursor"] = cursor_for(end);
  return encode_result(asked.id, std::move(result));
}

json::object ServerSession::call_result(const RequestId& id, const ToolResult& result) const {
  return encode_result(id, encode_tool_result(result, version_));
}

}  // namespace remit::mcp

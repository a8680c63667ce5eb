// ServerSession: one client's session with our MCP server as a state machine without I/O: messages in, and out comes
// what is to be done about each. The transport carries bytes, the owner carries out tool calls. From protocol version
// 2025-03-26 to 2025-11-25. One thread.
//
//   new --initialize--> initializing --notifications/initialized--> ready
//
// Before `initialize` only `ping` is answered. A client that works before it said `initialized` is served all the same:
// over HTTP the two may overtake each other.
#pragma once

#include <map>
#include <span>
#include <string>
#include <variant>

#include "mcp/json_rpc.h"
#include "mcp/protocol.h"

namespace remit::mcp {

struct ServerInfo {
  Implementation implementation;
  std::string instructions;  // For the model; "" for none.
};

// What is to be done about a message.
namespace step {

struct Answer {  // This response, now.
  json::object message;
};
struct Accepted {};  // A notification or response: nothing to say.
struct ListTools {
  RequestId id;
  std::size_t offset = 0;
};
// To be answered by call_result() or call_error(), after which the owner calls ended(); until then it counts as open.
struct CallTool {
  RequestId id;
  std::string name;
  json::object arguments;
  std::optional<RequestId> progress_token;
};
// The client wants the open call `id` to stop and expects no answer to it any more.
struct Cancel {
  RequestId id;
  std::string reason;
};

}  // namespace step

using Step = std::variant<step::Answer, step::Accepted, step::ListTools, step::CallTool, step::Cancel>;

class ServerSession {
 public:
  explicit ServerSession(ServerInfo info) : info_(std::move(info)) {}

  Step receive(RpcMessage message);

  bool initialized() const { return state_ != State::kNew; }
  Version version() const { return version_; }
  const Implementation& client() const { return client_; }
  std::size_t open_calls() const { return open_.size(); }

  // The page of `tools`, which is always the same list, that was asked for.
  json::object tools_page(const step::ListTools& request, std::span<const ToolDescription> tools) const;
  json::object call_result(const RequestId& id, const ToolResult& result) const;
  json::object call_error(const RequestId& id, RpcError error) const { return encode_error(id, error); }
  void ended(const RequestId& id) { open_.erase(id); }
  // Whether the client cancelled this call, so that it is not answered.
  bool is_cancelled(const RequestId& id) const;

  // Whether the client set a level and asked for messages of this severity.
  bool wants_log(LogLevel level) const { return log_level_ && level >= *log_level_; }

 private:
  enum class State : std::uint8_t { kNew, kInitializing, kReady };

  Step request(RpcRequest request);
  Step notification(RpcNotification notification);
  Step initialize(const RpcRequest& request);
  Step list_tools(const RpcRequest& request) const;
  Step call_tool(RpcRequest request);
  Step set_level(const RpcRequest& request);
  Step cancel(const RpcNotification& notification);

  const ServerInfo info_;
  State state_ = State::kNew;
  Version version_ = kLatestVersion;
  Implementation client_;
  std::optional<LogLevel> log_level_;
  std::map<RequestId, bool> open_;  // Calls under way; true: cancelled.
};

}  // namespace remit::mcp

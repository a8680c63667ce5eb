// McpSessions: the MCP sessions of one gateway, by their ids. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/door.h"
#include "mcp/server_session.h"

namespace remit::gateway {

struct McpSession {
  std::string id;
  std::shared_ptr<mcp::ServerSession> protocol;
  std::map<mcp::RequestId, std::shared_ptr<StopSignal>> running;
  std::uint64_t last_used = 0;

  void cancel_all(CancelReason reason) {
    const auto calls = running;  // A call that ends meanwhile changes the map.
    for (const auto& [request, stop] : calls) stop->cancel(reason);
  }
};

class McpSessions {
 public:
  McpSessions(std::size_t limit, Rng& rng) : limit_(limit), rng_(rng) {}

  // Null when every session is busy and there are as many as may be. Otherwise the longest idle one makes room.
  std::shared_ptr<McpSession> open(mcp::ServerInfo info);
  // Null for an id that is no session (any more).
  std::shared_ptr<McpSession> find(std::string_view id);
  // Cancels what runs in it.
  void close(const std::string& id);
  std::size_t size() const { return sessions_.size(); }

 private:
  bool make_room();

  const std::size_t limit_;
  Rng& rng_;
  std::uint64_t uses_ = 0;
  std::map<std::string, std::shared_ptr<McpSession>, std::less<>> sessions_;
};

}  // namespace remit::gateway

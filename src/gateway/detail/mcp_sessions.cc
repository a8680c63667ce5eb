#include "gateway/detail/mcp_sessions.h"

namespace remit::gateway {

bool McpSessions::make_room() {
  if (sessions_.size() < limit_) return true;
  auto oldest = sessions_.end();
  for (auto session = sessions_.begin(); session != sessions_.end(); ++session) {
    if (!session->second->running.empty()) continue;
    if (oldest == sessions_.end() || session->second->last_used < oldest->second->last_used) oldest = session;
  }
  if (oldest == sessions_.end()) return false;
  sessions_.erase(oldest);
  return true;
}

std::shared_ptr<McpSession> McpSessions::open(mcp::ServerInfo info) {
  if (!make_room()) return nullptr;
  auto session = std::make_shared<McpSession>();
  session->id = rng_.hex(16);
  session->protocol = std::make_shared<mcp::ServerSession>(std::move(info));
  session->last_used = ++uses_;
  sessions_.insert_or_assign(session->id, session);
  return session;
}

std::shared_ptr<McpSession> McpSessions::find(std::string_view id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return nullptr;
  found->second->last_used = ++uses_;
  return found->second;
}

void McpSessions::close(const std::string& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  const auto session = found->second;
  sessions_.erase(found);
  session->cancel_all(CancelReason::kClient);
}

}  // namespace remit::gateway

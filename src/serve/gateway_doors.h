// GatewayDoors: the front doors of a command agent: a Gateway behind the bridge of its sandbox. One shard's thread.
#pragma once

#include "agent/command_agent.h"
#include "gateway/gateway.h"

namespace remit::serve {

class GatewayDoors final : public agent::Doors {
 public:
  explicit GatewayDoors(gateway::GatewayParts parts) : gateway_(std::move(parts)) {}

  Result<> serve(UniqueFd connection) override { return gateway_.serve(std::move(connection)); }
  Task<> close() override { co_await gateway_.shutdown(agent::kDoorsGrace); }

 private:
  gateway::Gateway gateway_;
};

}  // namespace remit::serve

// Gateway: the front doors of one run for its agent, on one HTTP server. Every request but GET /healthz must carry the
// run's key; everything an agent wants done goes through the run's pipeline. Doors: /v1/ (OpenAI Chat Completions) and
// /mcp (MCP over Streamable HTTP).
//
// One thread: the run's shard. The parts it is given must outlive it and every call under way: await shutdown() first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "action/pipeline.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/unique_fd.h"
#include "gateway/limits.h"
#include "http/server.h"
#include "mesh/catalogue.h"

namespace remit::gateway {

struct GatewayParts {
  asio::any_io_executor executor;
  action::Pipeline& pipeline;
  const mesh::Catalogue& catalogue;
  Clock& clock;
  Rng& rng;                         // Fit for keys: MCP session ids are made of it.
  std::string key;                  // See make_run_key(). With an empty one nobody is let in.
  CallContext context;              // Run, importance and deadline of every call that comes in.
  std::string provider;             // Name of the ModelProvider of every model call.
  std::vector<std::string> models;  // What GET /v1/models lists; the permissions decide what may be called.
  // Which tools an agent is shown; null: all of the catalogue.
  std::function<bool(std::string_view tool)> may_allow;
  std::string instructions;  // For MCP clients: what this run is about.
  GatewayLimits limits;
};

class Gateway {
 public:
  explicit Gateway(GatewayParts parts);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // On 127.0.0.1; port 0 for any free one. Returns the port.
  Result<std::uint16_t> listen(std::uint16_t port = 0);
  // Serves one connected stream socket, such as a sandbox's bridge hands out (its release()). `label` is for the log.
  Result<> serve(UniqueFd socket, std::string label = "bridge");
  // Takes nothing new, lets what runs end within `grace`, then cancels it. When this returns, no call is under way.
  Task<> shutdown(Duration grace);

  http::ServerStats stats() const;

 private:
  struct State;
  static Task<> answer(std::shared_ptr<State> state, http::ServerRequest& request, http::ResponseWriter& response);
  static Task<> stop_calls(std::shared_ptr<State> state, Duration grace);
  std::shared_ptr<State> state_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace remit::gateway

#include "gateway/gateway.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "base/strings.h"
#include "gateway/guard.h"
#include "gateway/mcp_door.h"
#include "gateway/openai_door.h"

namespace remit::gateway {

struct Gateway::State {
  explicit State(GatewayParts parts)
      : guard(parts.key),
        corridor(std::make_shared<Corridor>(Corridor{parts.executor, parts.pipeline, parts.catalogue, parts.clock,
                                                     parts.rng, std::move(parts.context), std::move(parts.provider),
                                                     std::move(parts.models), std::move(parts.may_allow),
                                                     std::move(parts.instructions), parts.limits})) {
    doors.push_back(make_openai_door(corridor));
    doors.push_back(make_mcp_door(corridor));
  }

  Door* find(std::string_view path) const {
    for (const auto& door : doors) {
      if (door->takes(path)) return door.get();
    }
    return nullptr;
  }

  const Guard guard;
  std::shared_ptr<Corridor> corridor;
  std::vector<std::unique_ptr<Door>> doors;
};

namespace {

http::Response plain_error(int status, std::string_view message) {
  return http::json_response(status, to_json(json::object{{"error", {{"message", to_valid_utf8(message)}}}}));
}

http::Response with_challenge(http::Response response) {
  if (response.status == 401) response.headers.set("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

Gateway::Gateway(GatewayParts parts) : state_(std::make_shared<State>(std::move(parts))) {
  http::ServerOptions options;
  options.name = "gateway";
  options.limits.connections = state_->corridor->limits.connections;
  server_ =
      std::make_unique<http::Server>(state_->corridor->executor, std::move(options),
                                     [state = state_](http::ServerRequest& request, http::ResponseWriter& response) {
                                       return answer(state, request, response);
                                     });
}

Gateway::~Gateway() = default;

Task<> Gateway::answer(std::shared_ptr<State> state, http::ServerRequest& request, http::ResponseWriter& response) {
  const auto path = request.path();
  if (path == "/healthz" && request.method() == "GET") {
    const bool stopping = state->corridor->stopping;
    (void)co_await response.send(
        http::json_response(stopping ? 503 : 200, stopping ? R"({"status":"stopping"})" : R"({"status":"ok"})"));
    co_return;
  }
  Door* door = state->find(path);
  if (const auto admitted = state->guard.admit(request.headers()); !admitted) {
    const int status = admitted.error().code() == Code::kUnauthenticated ? 401 : 403;
    auto refusal = door ? door->error(admitted.error()) : plain_error(status, admitted.error().message());
    (void)co_await response.send(with_challenge(std::move(refusal)));
    co_return;
  }
  if (state->corridor->stopping) {
    const Error error(Code::kUnavailable, "the run is ending and takes no more calls");
    (void)co_await response.send(door ? door->error(error) : plain_error(503, error.message()));
    co_return;
  }
  if (!door) {
    const auto what =
        fmt::format("there is nothing at {}; the doors are /v1/ (OpenAI) and /mcp (MCP)", printable(path, 200));
    (void)co_await response.send(plain_error(404, what));
    co_return;
  }
  co_await door->serve(request, response);
}

Result<std::uint16_t> Gateway::listen(std::uint16_t port) { return server_->listen_tcp("127.0.0.1", port, "loopback"); }

Result<> Gateway::serve(UniqueFd socket, std::string label) {
  return server_->serve_fd(std::move(socket), std::move(label));
}

Task<> Gateway::stop_calls(std::shared_ptr<State> state, Duration grace) {
  if (!co_await state->corridor->clock.sleep_for(grace)) co_return;
  const auto calls = state->corridor->under_way;  // A call that ends meanwhile changes the set.
  for (const auto& stop : calls) stop->cancel(CancelReason::kStopped);
}

Task<> Gateway::shutdown(Duration grace) {
  state_->corridor->stopping = true;
  // The server tells of connections that it cuts; a call whose client has gone long ago is told here.
  auto all_ended = std::make_shared<asio::cancellation_signal>();
  asio::co_spawn(state_->corridor->executor, stop_calls(state_, grace),
                 asio::bind_cancellation_slot(all_ended->slot(), [all_ended](std::exception_ptr) {}));
  co_await server_->shutdown(grace);
  all_ended->emit(asio::cancellation_type::all);
}

http::ServerStats Gateway::stats() const { return server_->stats(); }

}  // namespace remit::gateway

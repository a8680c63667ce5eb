#include "gateway/mcp_door.h"

#include "base/strings.h"
#include "gateway/detail/mcp_sessions.h"
#include "gateway/mcp_decode.h"
#include "gateway/mcp_encode.h"
#include "gateway/trace_parent.h"
#include "models/openai_wire.h"

namespace remit::gateway {
namespace {

constexpr std::string_view kSessionHeader = "Mcp-Session-Id";
constexpr std::string_view kVersionHeader = "MCP-Protocol-Version";

mcp::RpcError invalid(std::string message) { return {mcp::kInvalidRequest, std::move(message), nullptr}; }

bool accepts(const http::HeaderTable& headers, std::string_view type) {
  const std::string accept = to_lower(headers.joined("Accept"));
  if (accept.empty() || accept.find("*/*") != accept.npos) return true;
  if (accept.find(type) != accept.npos) return true;
  return accept.find(std::string(type.substr(0, type.find('/'))) + "/*") != accept.npos;
}

// What is wrong with a POST before its body is read; its messages have no id yet.
std::optional<http::Response> check_head(const http::ServerRequest& request) {
  const auto& headers = request.headers();
  const std::string type = to_lower(headers.get("Content-Type"));
  if (!type.starts_with("application/json")) {
    return mcp_error(415, std::nullopt, invalid("Content-Type: expected application/json"));
  }
  if (!accepts(headers, "application/json") && !accepts(headers, "text/event-stream")) {
    return mcp_error(406, std::nullopt, invalid("Accept: expected application/json and text/event-stream"));
  }
  const auto version = headers.find(kVersionHeader);
  if (version && !mcp::parse_version(*version)) {
    return mcp_error(400, std::nullopt, mcp::unsupported_version(*version));
  }
  return std::nullopt;
}

bool is_initialize(const mcp::RpcBody& body) {
  if (body.batch || !body.messages[0]) return false;
  const auto* request = std::get_if<mcp::RpcRequest>(&*body.messages[0]);
  return request && request->method == "initialize";
}

// One POST, its session, and where its answer goes.
struct Exchange {
  std::shared_ptr<Corridor> corridor;
  std::shared_ptr<McpSession> session;
  http::ServerRequest& request;
  http::ResponseWriter& response;
};

CallContext context_for(const Corridor& corridor, const Action& action) {
  CallContext context = corridor.context;
  if (const auto* tool = corridor.catalogue.find(action.tool)) {
    const auto end = corridor.clock.steady_now() + tool->timeout;
    if (!context.deadline || end < *context.deadline) context.deadline = end;
  }
  return context;
}

// Carries a call out; `encoder` says what comes of it. nullopt, or the answer to a call that was never proposed.
Task<std::optional<json::object>> call_tool(Exchange exchange, mcp::step::CallTool call,
                                            std::function<std::shared_ptr<Encoder>(const Action&)> make_encoder) {
  const auto session = exchange.session;
  const auto& corridor = *exchange.corridor;
  const auto id = call.id;
  auto action = decode_tool_call(corridor, call);
  if (!action) {
    auto answer = std::visit(
        [&](auto& fault) {
          if constexpr (std::is_same_v<std::decay_t<decltype(fault)>, mcp::RpcError>) {
            return session->protocol->call_error(id, std::move(fault));
          } else {
            return session->protocol->call_result(id, fault);
          }
        },
        action.error());
    session->protocol->ended(id);
    co_return answer;
  }
  action->trace_parent = parse_trace_parent(exchange.request.headers().get("traceparent"));
  auto stop = std::make_shared<StopSignal>();
  session->running[id] = stop;
  exchange.request.on_disconnect([stop, corridor_state = exchange.corridor] {
    if (corridor_state->stopping) stop->cancel(CancelReason::kStopped);
  });
  auto encoder = make_encoder(*action);
  auto context = context_for(corridor, *action);
  co_await carry(exchange.corridor, std::move(*action), std::move(context), stop, WhenClientGoes::kGoOn, encoder);
  session->running.erase(id);
  session->protocol->ended(id);
  co_return std::nullopt;
}

// What a step other than a call is answered with; nullopt for nothing.
std::optional<json::object> answer_now(const Corridor& corridor, McpSession& session, mcp::Step& step) {
  if (auto* answer = std::get_if<mcp::step::Answer>(&step)) return std::move(answer->message);
  if (const auto* list = std::get_if<mcp::step::ListTools>(&step)) {
    return session.protocol->tools_page(*list, describe_tools(corridor));
  }
  if (const auto* cancel = std::get_if<mcp::step::Cancel>(&step)) {
    const auto running = session.running.find(cancel->id);
    if (running != session.running.end()) {
      const auto stop = running->second;
      stop->cancel(CancelReason::kClient);
    }
  }
  return std::nullopt;
}

Task<> answer_one(Exchange exchange, mcp::DecodedMessage message) {
  auto& response = exchange.response;
  if (!message) {
    (void)co_await response.send(mcp_error(400, message.error().id, message.error().error));
    co_return;
  }
  auto step = exchange.session->protocol->receive(std::move(*message));
  std::optional<json::object> answer;
  if (auto* call = std::get_if<mcp::step::CallTool>(&step)) {
    const bool takes_stream = accepts(exchange.request.headers(), "text/event-stream");
    McpCallParts parts{*call, call->name, exchange.corridor->clock, takes_stream};
    auto make = [&response, protocol = exchange.session->protocol, parts](const Action&) {
      return make_mcp_answer(response, protocol, parts);
    };
    answer = co_await call_tool(exchange, std::move(*call), std::move(make));
    if (!answer) co_return;
  } else {
    answer = answer_now(*exchange.corridor, *exchange.session, step);
  }
  auto reply = answer ? http::json_response(200, to_json(*answer)) : http::Response{202, {}, ""};
  if (exchange.request.headers().get(kSessionHeader).empty()) reply.headers.set(kSessionHeader, exchange.session->id);
  (void)co_await response.send(std::move(reply));
}

// One after the other: the specification leaves the order open, and a batch is a relic.
Task<> answer_batch(Exchange exchange, std::vector<mcp::DecodedMessage> messages) {
  json::array answers;
  for (auto& message : messages) {
    if (!message) {
      answers.push_back(mcp::encode_error(message.error().id, message.error().error));
      continue;
    }
    auto step = exchange.session->protocol->receive(std::move(*message));
    std::optional<json::object> answer;
    if (auto* call = std::get_if<mcp::step::CallTool>(&step)) {
      auto kept = std::make_shared<McpAnswer>();
      auto make = [kept, protocol = exchange.session->protocol, id = call->id](const Action&) {
        return make_mcp_batch_part(kept, protocol, id);
      };
      answer = co_await call_tool(exchange, std::move(*call), std::move(make));
      if (!answer) answer = std::move(kept->message);
    } else {
      answer = answer_now(*exchange.corridor, *exchange.session, step);
    }
    if (answer) answers.push_back(std::move(*answer));
  }
  auto reply = answers.empty() ? http::Response{202, {}, ""} : http::json_response(200, to_json(answers));
  (void)co_await exchange.response.send(std::move(reply));
}

class McpDoor final : public Door {
 public:
  explicit McpDoor(std::shared_ptr<Corridor> corridor)
      : corridor_(std::move(corridor)), sessions_(corridor_->limits.sessions, corridor_->rng) {}

  bool takes(std::string_view path) const override { return path == "/mcp" || path == "/mcp/"; }

  http::Response error(const Error& error) const override {
    return mcp_error(static_cast<int>(models::openai_status_of(error.code())), std::nullopt,
                     invalid(error.to_string()));
  }

  Task<> serve(http::ServerRequest& request, http::ResponseWriter& response) override {
    if (request.method() == "POST") {
      co_await post(request, response);
    } else if (request.method() == "DELETE") {
      (void)co_await response.send(end_session(request.headers().get(kSessionHeader)));
    } else {
      auto refusal = mcp_error(405, std::nullopt, invalid("this address takes POST and DELETE"));
      refusal.headers.set("Allow", "POST, DELETE");
      (void)co_await response.send(std::move(refusal));
    }
  }

 private:
  Task<> post(http::ServerRequest& request, http::ResponseWriter& response) {
    if (auto wrong = check_head(request)) {
      (void)co_await response.send(std::move(*wrong));
      co_return;
    }
    auto bytes = co_await request.read_body(mcp::kMessageBytes);
    if (!bytes) {
      const int status = bytes.error().code() == Code::kResourceExhausted ? 413 : 400;
      (void)co_await response.send(mcp_error(status, std::nullopt, invalid(bytes.error().to_string())));
      co_return;
    }
    auto body = mcp::decode_body(*bytes);
    if (!body) {
      (void)co_await response.send(mcp_error(400, body.error().id, body.error().error));
      co_return;
    }
    std::shared_ptr<McpSession> session;
    if (auto wrong = choose_session(request, *body, session)) {
      (void)co_await response.send(std::move(*wrong));
      co_return;
    }
    Exchange exchange{corridor_, session, request, response};
    if (body->batch) {
      co_await answer_batch(std::move(exchange), std::move(body->messages));
    } else {
      co_await answer_one(std::move(exchange), std::move(body->messages[0]));
      // An initialize that failed leaves no session.
      if (!session->protocol->initialized()) sessions_.close(session->id);
    }
  }

  std::optional<http::Response> choose_session(const http::ServerRequest& request, const mcp::RpcBody& body,
                                               std::shared_ptr<McpSession>& session) {
    const auto id = request.headers().get(kSessionHeader);
    if (id.empty()) {
      if (!is_initialize(body)) {
        return mcp_error(400, std::nullopt,
                         invalid(fmt::format("{}: is missing; a session begins with initialize", kSessionHeader)));
      }
      session = sessions_.open(server_info());
      if (session) return std::nullopt;
      return mcp_error(503, std::nullopt,
                       invalid(fmt::format("{} sessions are at work, the limit", corridor_->limits.sessions)));
    }
    session = sessions_.find(id);
    if (!session) {
      return mcp_error(404, std::nullopt,
                       invalid("there is no such session (any more); begin another with initialize"));
    }
    const auto spoken = session->protocol->version();
    if (const auto version = request.headers().find(kVersionHeader); version && *version != to_string(spoken)) {
      return mcp_error(400, std::nullopt,
                       invalid(fmt::format("{}: this session speaks {}", kVersionHeader, to_string(spoken))));
    }
    if (body.batch && !has_batches(spoken)) {
      return mcp_error(400, std::nullopt, invalid(fmt::format("batches are not part of {}", to_string(spoken))));
    }
    return std::nullopt;
  }

  http::Response end_session(std::string_view id) {
    if (id.empty()) return mcp_error(400, std::nullopt, invalid(fmt::format("{}: is missing", kSessionHeader)));
    const auto session = sessions_.find(id);
    if (!session) return mcp_error(404, std::nullopt, invalid("there is no such session (any more)"));
    sessions_.close(session->id);
    return http::Response{204, {}, ""};
  }

  mcp::ServerInfo server_info() const { return {{"remit", "Remit", REMIT_VERSION}, corridor_->instructions}; }

  const std::shared_ptr<Corridor> corridor_;
  McpSessions sessions_;
};

}  // namespace

std::unique_ptr<Door> make_mcp_door(std::shared_ptr<Corridor> corridor) {
  return std::make_unique<McpDoor>(std::move(corridor));
}

}  // namespace remit::gateway

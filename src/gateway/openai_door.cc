#include "gateway/openai_door.h"

#include "base/strings.h"
#include "gateway/openai_decode.h"
#include "gateway/openai_encode.h"
#include "gateway/trace_parent.h"

namespace remit::gateway {
namespace {

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::string_view kModels = "/v1/models";

class OpenAiDoor final : public Door {
 public:
  explicit OpenAiDoor(std::shared_ptr<Corridor> corridor) : corridor_(std::move(corridor)) {}

  bool takes(std::string_view path) const override { return path.starts_with("/v1/"); }
  http::Response error(const Error& error) const override { return openai_error(error); }

  Task<> serve(http::ServerRequest& request, http::ResponseWriter& response) override {
    const auto path = request.path();
    const bool is_chat = path == kChat;
    if (is_chat && request.method() == "POST") {
      co_await chat(corridor_, request, response);
    } else if (!is_chat && request.method() == "GET" && path.starts_with(kModels)) {
      (void)co_await response.send(models(path.substr(kModels.size())));
    } else {
      (void)co_await response.send(wrong_place(path, is_chat));
    }
  }

 private:
  static http::Response wrong_place(std::string_view path, bool is_chat) {
    if (is_chat || path == kModels) {
      auto answer = openai_error(405, "invalid_request_error", "method_not_allowed",
                                 is_chat ? "this address takes POST" : "this address takes GET", false);
      answer.headers.set("Allow", is_chat ? "POST" : "GET");
      return answer;
    }
    const auto what =
        fmt::format("there is no {} here; this door has POST {} and GET {}", printable(path, 200), kChat, kModels);
    return openai_error(404, "not_found_error", "unknown_url", what, false);
  }

  static Task<> chat(std::shared_ptr<Corridor> corridor, http::ServerRequest& request, http::ResponseWriter& response) {
    auto body = co_await request.read_body(corridor->limits.model_request_bytes);
    if (!body) {
      const bool too_large = body.error().code() == Code::kResourceExhausted;
      (void)co_await response.send(openai_error(too_large ? 413 : 400, "invalid_request_error",
                                                too_large ? "request_too_large" : "bad_body", body.error().to_string(),
                                                false));
      co_return;
    }
    auto call = decode_chat_call(*body, corridor->provider);
    if (!call) {
      (void)co_await response.send(
          openai_error(400, "invalid_request_error", "invalid_request", call.error().to_string(), false));
      co_return;
    }
    body->clear();
    body->shrink_to_fit();
    call->action.trace_parent = parse_trace_parent(request.headers().get("traceparent"));
    models::OpenAiAnswerInfo info;
    info.id = "chatcmpl-" + corridor->rng.hex(12);
    info.created_unix_s = unix_nanos(corridor->clock.wall_now()) / 1'000'000'000;
    info.model = to_valid_utf8(call->model);
    auto encoder = call->stream ? make_openai_stream(response, std::move(info), call->include_usage)
                                : make_openai_answer(response, std::move(info));
    auto stop = std::make_shared<StopSignal>();
    request.on_disconnect(
        [stop, corridor] { stop->cancel(corridor->stopping ? CancelReason::kStopped : CancelReason::kClient); });
    co_await carry(corridor, std::move(call->action), corridor->context, stop, WhenClientGoes::kCancel, encoder);
  }

  // `rest` is what stands behind /v1/models: nothing, or "/" and the name of one.
  http::Response models(std::string_view rest) const {
    json::array listed;
    for (const auto& name : corridor_->models) {
      json::object model{{"id", name}, {"object", "model"}, {"created", 0}, {"owned_by", corridor_->provider}};
      if (rest == "/" + name) return http::json_response(200, to_json(model));
      listed.push_back(std::move(model));
    }
    if (!rest.empty()) {
      const auto what = fmt::format("this run has no model '{}'", printable(rest.substr(1), 100));
      return openai_error(404, "not_found_error", "model_not_found", what, false);
    }
    return http::json_response(200, to_json(json::object{{"object", "list"}, {"data", std::move(listed)}}));
  }

  std::shared_ptr<Corridor> corridor_;
};

}  // namespace

std::unique_ptr<Door> make_openai_door(std::shared_ptr<Corridor> corridor) {
  return std::make_unique<OpenAiDoor>(std::move(corridor));
}

}  // namespace remit::gateway

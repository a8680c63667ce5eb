#include "gateway/openai_encode.h"

#include "base/strings.h"

namespace remit::gateway {
namespace {

constexpr std::string_view kEndOfStream = "data: [DONE]\n\n";

Error error_of(const Outcome& outcome) { return outcome.error.value_or(internal_error(outcome.text)); }

// A provider was asked as often as the run's configuration says, so that the client need not ask again.
http::Response failure(const Outcome& outcome) {
  auto response = openai_error(error_of(outcome));
  response.headers.set("x-should-retry", "false");
  return response;
}

class AnswerEncoder final : public Encoder {
 public:
  AnswerEncoder(http::ResponseWriter& response, models::OpenAiAnswerInfo info)
      : response_(response), info_(std::move(info)) {}

  Task<Result<>> refused(Verdict verdict, std::string explanation) override {
    co_return co_await response_.send(openai_refusal(verdict, explanation));
  }
  Task<Result<>> event(Event event) override {
    if (auto* proposed = std::get_if<ProposedAction>(&event)) passed_.insert(std::move(proposed->use.id));
    co_return Result<>{};
  }
  Task<Result<>> tick() override { co_return Result<>{}; }
  Task<Result<>> done(Outcome outcome) override {
    if (outcome.ok && !outcome.response) {
      outcome = failed_outcome_of(internal_error("the model call ended without an answer"));
    }
    if (!outcome.ok) co_return co_await response_.send(failure(outcome));
    auto& answer = *outcome.response;
    std::erase_if(answer.message.tool_uses, [this](const ToolUse& use) { return !passed_.contains(use.id); });
    co_return co_await response_.send(http::json_response(200, to_json(encode_openai_response(answer, info_))));
  }

 private:
  static Outcome failed_outcome_of(Error error) {
    Outcome outcome;
    outcome.error = std::move(error);
    return outcome;
  }

  http::ResponseWriter& response_;
  const models::OpenAiAnswerInfo info_;
  std::set<std::string> passed_;
};

// The head is sent with the first piece, so that what fails before has its own status.
class StreamEncoder final : public Encoder {
 public:
  StreamEncoder(http::ResponseWriter& response, models::OpenAiAnswerInfo info, bool include_usage)
      : response_(response), stream_(std::move(info), include_usage) {}

  Task<Result<>> refused(Verdict verdict, std::string explanation) override {
    co_return co_await response_.send(openai_refusal(verdict, explanation));
  }
  Task<Result<>> event(Event event) override {
    const std::string bytes = stream_.on_event(event);
    if (bytes.empty()) co_return Result<>{};
    REMIT_CO_CHECK_OK(co_await begin());
    co_return co_await response_.write(bytes);
  }
  Task<Result<>> tick() override {
    REMIT_CO_CHECK_OK(co_await begin());
    co_return co_await response_.write_comment("keep-alive");
  }
  Task<Result<>> done(Outcome outcome) override {
    if (!outcome.ok && !response_.began()) co_return co_await response_.send(failure(outcome));
    REMIT_CO_CHECK_OK(co_await begin());
    std::string bytes = stream_.finish(outcome);
    if (!bytes.ends_with(kEndOfStream)) bytes += kEndOfStream;
    REMIT_CO_CHECK_OK(co_await response_.write(bytes));
    co_return co_await response_.finish();
  }

 private:
  Task<Result<>> begin() {
    if (response_.began()) co_return Result<>{};
    co_return co_await response_.begin_sse();
  }

  http::ResponseWriter& response_;
  models::OpenAiStreamEncoder stream_;
};

}  // namespace

http::Response openai_error(int status, std::string_view type, std::string_view code, std::string_view message,
                            bool retry) {
  json::object error{{"message", to_valid_utf8(message)}, {"type", jsv(type)}, {"param", nullptr}, {"code", jsv(code)}};
  auto response = http::json_response(status, to_json(json::object{{"error", std::move(error)}}));
  response.headers.set("x-should-retry", retry ? "true" : "false");
  return response;
}

http::Response openai_error(const Error& error) {
  return http::json_response(static_cast<int>(models::openai_status_of(error.code())),
                             to_json(models::encode_openai_error(error)));
}

http::Response openai_refusal(const Verdict& verdict, std::string_view explanation) {
  if (verdict.decision == Decision::kUnavailable) {
    return openai_error(503, "server_error", "not_decided", explanation, true);
  }
  if (verdict.decision == Decision::kAsk) {
    return openai_error(403, "permission_error", "approval_required", explanation, false);
  }
  if (verdict.layer == "budget" && verdict.rule == "limit") {
    return openai_error(429, "insufficient_quota", "budget_exhausted", explanation, false);
  }
  if (verdict.layer == "pipeline" && verdict.rule == "limit") {
    return openai_error(429, "rate_limit_error", "too_many_calls", explanation, true);
  }
  return openai_error(403, "permission_error", "denied_by_policy", explanation, false);
}

std::shared_ptr<Encoder> make_openai_answer(http::ResponseWriter& response, models::OpenAiAnswerInfo info) {
  return std::make_shared<AnswerEncoder>(response, std::move(info));
}

std::shared_ptr<Encoder> make_openai_stream(http::ResponseWriter& response, models::OpenAiAnswerInfo info,
                                            bool include_usage) {
  return std::make_shared<StreamEncoder>(response, std::move(info), include_usage);
}

}  // namespace remit::gateway

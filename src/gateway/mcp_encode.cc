#include "gateway/mcp_encode.h"

#include "base/strings.h"

namespace remit::gateway {
namespace {

mcp::ToolResult result_of(Outcome outcome) {
  mcp::ToolResult result;
  result.is_error = !outcome.ok;
  result.text = std::move(outcome.text);
  if (result.text.empty() && outcome.error) result.text = outcome.error->to_string();
  result.structured = std::move(outcome.structured);
  if (outcome.truncated_bytes > 0) {
    result.text += fmt::format("\n[{} bytes of output were cut off]", with_thousands(outcome.truncated_bytes));
  }
  return result;
}

class CallEncoder final : public Encoder {
 public:
  CallEncoder(http::ResponseWriter& response, std::shared_ptr<mcp::ServerSession> session, McpCallParts parts)
      : response_(response),
        session_(std::move(session)),
        parts_(std::move(parts)),
        began_(parts_.clock.steady_now()) {}

  Task<Result<>> refused(Verdict, std::string explanation) override {
    co_return co_await end({std::move(explanation), true, {}});
  }

  Task<Result<>> event(Event event) override {
    if (const auto* progress = std::get_if<Progress>(&event)) co_return co_await report(progress->message);
    const auto* chunk = std::get_if<Chunk>(&event);
    if (!chunk || !parts_.takes_stream || !session_->wants_log(mcp::LogLevel::kDebug)) co_return Result<>{};
    const bool is_stderr = chunk->stream == Chunk::Stream::kStderr;
    co_return co_await say(mcp::encode_log(mcp::LogLevel::kDebug, is_stderr ? "stderr" : "stdout", chunk->bytes));
  }

  Task<Result<>> tick() override {
    if (!parts_.takes_stream) co_return Result<>{};
    if (!parts_.call.progress_token) {
      REMIT_CO_CHECK_OK(co_await begin());
      co_return co_await response_.write_comment("keep-alive");
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(parts_.clock.steady_now() - began_);
    co_return co_await report(fmt::format("{} has been running for {} s", parts_.tool, seconds.count()));
  }

  Task<Result<>> done(Outcome outcome) override { co_return co_await end(result_of(std::move(outcome))); }

 private:
  // A call that its client cancelled is not answered (specification, "Cancellation").
  Task<Result<>> end(mcp::ToolResult result) {
    const auto& id = parts_.call.id;
    const bool cancelled = session_->is_cancelled(id);
    if (!response_.began()) {
      if (cancelled) co_return co_await response_.send(http::Response{202, {}, ""});
      co_return co_await response_.send(http::json_response(200, to_json(session_->call_result(id, result))));
    }
    if (!cancelled) REMIT_CO_CHECK_OK(co_await say(session_->call_result(id, result)));
    co_return co_await response_.finish();
  }

  Task<Result<>> report(std::string message) {
    if (!parts_.call.progress_token || !parts_.takes_stream) co_return Result<>{};
    co_return co_await say(mcp::encode_progress(*parts_.call.progress_token, ++progress_, message));
  }

  Task<Result<>> say(json::object message) {
    REMIT_CO_CHECK_OK(co_await begin());
    http::SseEvent event;
    event.event = "message";
    event.data = to_json(message);
    co_return co_await response_.write_event(std::move(event));
  }

  Task<Result<>> begin() {
    if (response_.began()) co_return Result<>{};
    co_return co_await response_.begin_sse();
  }

  http::ResponseWriter& response_;
  const std::shared_ptr<mcp::ServerSession> session_;
  const McpCallParts parts_;
  const SteadyTime began_;
  double progress_ = 0;
};

class BatchPartEncoder final : public Encoder {
 public:
  BatchPartEncoder(std::shared_ptr<McpAnswer> answer, std::shared_ptr<mcp::ServerSession> session, mcp::RequestId id)
      : answer_(std::move(answer)), session_(std::move(session)), id_(std::move(id)) {}

  Task<Result<>> refused(Verdict, std::string explanation) override {
    keep({std::move(explanation), true, {}});
    co_return Result<>{};
  }
  Task<Result<>> event(Event) override { co_return Result<>{}; }
  Task<Result<>> tick() override { co_return Result<>{}; }
  Task<Result<>> done(Outcome outcome) override {
    keep(result_of(std::move(outcome)));
    co_return Result<>{};
  }

 private:
  void keep(const mcp::ToolResult& result) {
    if (!session_->is_cancelled(id_)) answer_->message = session_->call_result(id_, result);
  }

  const std::shared_ptr<McpAnswer> answer_;
  const std::shared_ptr<mcp::ServerSession> session_;
  const mcp::RequestId id_;
};

}  // namespace

http::Response mcp_error(int status, const std::optional<mcp::RequestId>& id, const mcp::RpcError& error) {
  return http::json_response(status, to_json(mcp::encode_error(id, error)));
}

std::shared_ptr<Encoder> make_mcp_answer(http::ResponseWriter& response, std::shared_ptr<mcp::ServerSession> session,
                                         McpCallParts parts) {
  return std::make_shared<CallEncoder>(response, std::move(session), std::move(parts));
}

std::shared_ptr<Encoder> make_mcp_batch_part(std::shared_ptr<McpAnswer> answer,
                                             std::shared_ptr<mcp::ServerSession> session, mcp::RequestId id) {
  return std::make_shared<BatchPartEncoder>(std::move(answer), std::move(session), std::move(id));
}

}  // namespace remit::gateway

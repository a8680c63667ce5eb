// The OpenAI Chat Completions dialect, both ways: as a client of a provider (encode the request, decode whole answers
// and streams) and as our own front door (decode a client's request, encode answers and streams). Written from the
// public API reference (POST /v1/chat/completions).
//
// Nothing here does I/O. Text from outside is only trusted to be bytes. Members that we do not know are kept in `extra`
// and sent on.
//
// Names in `extra` that are ours: "openai_content" (content given as parts), "openai_role" (developer),
// "openai_strict_tools" (names of tools with strict schemas), and those with the prefix "anthropic_", which this
// dialect leaves out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/event.h"
#include "core/model.h"
#include "models/stream_decoder.h"

namespace remit::models {

// ---- Towards a provider

struct OpenAiOptions {
  bool stream = true;
  bool stream_usage = true;
  // OpenAI's own models take "max_completion_tokens"; the servers that imitate it know "max_tokens".
  bool max_completion_tokens = false;
};

// kInvalidArgument for messages that this dialect cannot say.
Result<json::object> encode_openai_request(const ModelRequest& request, const OpenAiOptions& options);
Result<ModelResponse> decode_openai_response(const json::object& body);
std::unique_ptr<StreamDecoder> make_openai_stream_decoder();

// ---- Towards a client of ours

struct OpenAiClientRequest {
  ModelRequest request;  // request.model is what the client wrote; provider is left empty.
  bool stream = false;
  bool include_usage = false;
};

// kInvalidArgument names the member ("messages[2].tool_call_id").
Result<OpenAiClientRequest> decode_openai_request(const json::object& body);

struct OpenAiAnswerInfo {
  std::string id;  // "chatcmpl-…"
  std::int64_t created_unix_s = 0;
  std::string model;  // What the client asked for.
};

json::object encode_openai_response(const ModelResponse& response, const OpenAiAnswerInfo& info);
// {"error": {"message", "type", "param", "code"}}
json::object encode_openai_error(const Error& error);
// The HTTP status that belongs to an error: 400, 401, 403, 404, 409, 429, 500, 502, 503, 504.
unsigned openai_status_of(Code code);

// One streamed answer as server-sent events. Each function returns bytes ready to be sent, "" for nothing.
class OpenAiStreamEncoder {
 public:
  OpenAiStreamEncoder(OpenAiAnswerInfo info, bool include_usage)
      : info_(std::move(info)), include_usage_(include_usage) {}

  // Chunk and ProposedAction become deltas; other events "". Not for Done.
  std::string on_event(const Event& event);
  // The end: finish_reason, usage when asked for, [DONE]; or an error event when the outcome is one. A tool call of the
  // response that did not come as an event was refused on the way and is not sent.
  std::string finish(const Outcome& outcome);

 private:
  std::string chunk(json::object delta, json::value finish_reason);

  OpenAiAnswerInfo info_;
  bool include_usage_;
  bool begun_ = false;
  std::int64_t tool_calls_ = 0;
};

}  // namespace remit::models

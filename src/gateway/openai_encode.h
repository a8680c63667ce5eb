// Events → OpenAI Chat Completions: whole answers, streams, and refusals as error objects of that API.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "gateway/door.h"
#include "models/openai_wire.h"

namespace remit::gateway {

// {"error": {message, type, param, code}} with a status. `retry` tells OpenAI's clients whether trying again may help.
http::Response openai_error(int status, std::string_view type, std::string_view code, std::string_view message,
                            bool retry);
http::Response openai_error(const Error& error);
// 403 for a rule, 429 for the budget, 503 when nobody could decide.
http::Response openai_refusal(const Verdict& verdict, std::string_view explanation);

// `response` must outlive it. A tool call that a stage held back is no part of the answer.
std::shared_ptr<Encoder> make_openai_answer(http::ResponseWriter& response, models::OpenAiAnswerInfo info);
std::shared_ptr<Encoder> make_openai_stream(http::ResponseWriter& response, models::OpenAiAnswerInfo info,
                                            bool include_usage);

}  // namespace remit::gateway

// OpenAI Chat Completions → Action. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/action.h"

namespace remit::gateway {

struct ChatCall {
  Action action;
  std::string model;  // As the client wrote it.
  bool stream = false;
  bool include_usage = false;
};

// The body of POST /v1/chat/completions as a model call on `provider`. kInvalidArgument names the member that is wrong.
// Members that we do not know go with the request to the provider.
Result<ChatCall> decode_chat_call(std::string_view body, std::string provider);

}  // namespace remit::gateway

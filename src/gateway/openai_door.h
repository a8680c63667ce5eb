// The front door for clients of OpenAI's Chat Completions API: POST /v1/chat/completions, GET /v1/models.
#pragma once

#include <memory>

#include "gateway/door.h"

namespace remit::gateway {

// A client that goes cancels its call, which is settled all the same.
std::unique_ptr<Door> make_openai_door(std::shared_ptr<Corridor> corridor);

}  // namespace remit::gateway

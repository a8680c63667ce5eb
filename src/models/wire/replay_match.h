// How a conversation is hashed for look-up, and how a request that was not found is explained. Private to the models
// module.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "models/canonical_request.h"

namespace remit::models::wire {

// chain[i] stands for the first i messages: SHA-256 of chain[i-1] and the canonical form of message i.
std::vector<std::string> chain_of(const std::vector<json::object>& messages);
std::string extend_chain(const std::string& chain, const json::object& message);

// How many messages at the start of `recorded` and of `now` from `from` on are equal.
std::size_t common_messages(const std::vector<json::object>& recorded, const std::vector<json::object>& now,
                            std::size_t from);
// "message 7 (tool result of files_list), text: recorded "…", now "…" (from byte 120)". `from`: the index in `now` that
// recorded[0] stands for.
std::string explain_messages(const std::vector<json::object>& recorded, const std::vector<json::object>& now,
                             std::size_t from);
// "tool files_list: its description or schema changed; maxOutputTokens: recorded 100, now 200".
std::string explain_setup(const json::object& recorded, const json::object& now);

}  // namespace remit::models::wire

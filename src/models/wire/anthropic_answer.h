// What whole and streamed Messages answers share. Private to the models module.
#pragma once

#include <string_view>

#include "base/json.h"
#include "core/model.h"
#include "models/stream_decoder.h"

namespace remit::models::wire {

StopReason anthropic_stop(std::string_view stop_reason);

// The members of `usage` as the API counts them. Absent members keep what they were: message_delta repeats only some.
struct AnthropicUsage {
  std::optional<std::int64_t> input, cache_read, cache_creation, output;

  void merge(const json::object& usage);
  bool known() const { return input && output; }
  Usage to_usage() const;
};

// The failure that an "error" object (type, message) describes.
UpstreamFailure anthropic_failure(const json::object& error);

// Whether text and tool uses alone cannot say what these blocks say (thinking, citations, tools that ran at the
// provider).
bool must_keep_blocks(const json::array& blocks);
// Without members that are null: the API sends some that it does not take back.
json::object without_nulls(const json::object& block);

}  // namespace remit::models::wire

// StreamDecoder: turns the server-sent events of one streamed answer into Events, whatever the dialect. One answer, one
// decoder, one thread.
#pragma once

#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "core/event.h"

namespace remit::models {

// Why a provider did not answer, and whether asking again may help.
struct UpstreamFailure {
  Error error;
  bool retryable = false;
  std::optional<Duration> retry_after;  // What the provider asked us to wait.
};

class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;

  // Takes one event (`data` is its data lines joined by \n) and appends what it means. After a failure the decoder
  // takes no more.
  virtual std::expected<void, UpstreamFailure> feed(std::string_view event, std::string_view data,
                                                    std::vector<Event>& out) = 0;
  // The provider has said that the answer is whole; its usage may still follow.
  virtual bool complete() const = 0;
  // The provider has said that nothing more comes.
  virtual bool ended() const = 0;
  // Nothing of an answer has been seen so far.
  virtual bool empty() const = 0;
  // What was seen. usage_known is true only when the provider told its final count. Tool calls that never became whole
  // are left out.
  virtual ModelResponse take() = 0;
  // Bytes produced, of incomplete tool calls too: for the estimate when the stream broke off.
  virtual std::size_t seen_bytes() const = 0;
};

}  // namespace remit::models

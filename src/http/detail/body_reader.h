// BodyReader: takes the body of one message off a wire, whatever its framing.
#pragma once

#include <optional>
#include <string>

#include "http/detail/chunk_decoder.h"
#include "http/detail/flat_buffer.h"
#include "http/detail/head_parser.h"
#include "http/detail/wire.h"

namespace remit::http::detail {

class BodyReader {
 public:
  void start(BodyFrame frame);
  bool done() const { return done_; }
  // With kLength: the bytes still to come. 0 for the other framings.
  std::uint64_t remaining() const { return remaining_; }

  // The next piece, nullopt at the end. kDataLoss when the stream ends first, kInvalidArgument for malformed chunks.
  // `wire` and `in` must stay until the task ends.
  Task<Result<std::optional<std::string>>> read_some(Wire* wire, FlatBuffer* in, IoBound bound);

 private:
  // What is in the buffer already, without waiting; may be empty.
  Result<std::string> take(FlatBuffer& in);
  Result<std::string> take_chunked(FlatBuffer& in);

  Framing framing_ = Framing::kNone;
  std::uint64_t remaining_ = 0;
  bool done_ = true;
  ChunkDecoder chunks_;
};

}  // namespace remit::http::detail

// ChunkDecoder: the chunked transfer coding (RFC 9112, section 7.1), strictly and in any pieces. Extensions and trailer
// fields are checked and dropped. Bounds: kChunkLineBytes for a size line, kTrailerBytes and kHeaderCount for the
// trailer, 2^60 for a chunk.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::http::detail {

class ChunkDecoder {
 public:
  struct Piece {
    std::size_t consumed = 0;  // Of the input's front.
    std::string_view data;     // Part of the input; may be empty.
  };

  // Takes from the front of `bytes` up to the end of the first piece of data. Call again with the rest until nothing is
  // consumed or done().
  Result<Piece> decode(std::string_view bytes);
  bool done() const { return state_ == State::kDone; }
  void reset() { *this = ChunkDecoder(); }

 private:
  enum class State : std::uint8_t { kSize, kExtension, kSizeLf, kData, kDataCr, kDataLf, kTrailer, kTrailerLf, kDone };
  Result<> step(char c);
  Result<> size_digit(char c);
  Result<> end_of_trailer_line();

  State state_ = State::kSize;
  std::uint64_t remaining_ = 0;
  std::uint32_t line_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint32_t trailer_fields_ = 0;
  bool has_digit_ = false;
  std::string trailer_line_;
};

}  // namespace remit::http::detail

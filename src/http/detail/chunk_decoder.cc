#include "http/detail/chunk_decoder.h"

#include <algorithm>

#include "http/detail/syntax.h"
#include "http/limits.h"

namespace remit::http::detail {

namespace {

constexpr std::uint64_t kMaxChunk = std::uint64_t(1) << 60;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::unexpected<Error> malformed(std::string what) { return fail(Code::kInvalidArgument, "chunked body: " + what); }

}  // namespace

Result<ChunkDecoder::Piece> ChunkDecoder::decode(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const std::size_t size = std::size_t(std::min<std::uint64_t>(remaining_, bytes.size() - at));
      remaining_ -= size;
      if (remaining_ == 0) state_ = State::kDataCr;
      return Piece{at + size, bytes.substr(at, size)};
    }
    REMIT_CHECK_OK(step(bytes[at]));
    ++at;
  }
  return Piece{at, {}};
}

Result<> ChunkDecoder::step(char c) {
  switch (state_) {
    case State::kSize: return size_digit(c);
    case State::kExtension:
      if (++line_bytes_ > kChunkLineBytes)
        return fail(Code::kResourceExhausted, "chunked body: a size line over kChunkLineBytes");
      if (c == '\r') {
        state_ = State::kSizeLf;
      } else if (!is_field_value({&c, 1})) {
        return malformed("a control character in a chunk extension");
      }
      return {};
    case State::kSizeLf:
      if (c != '\n') return malformed("CR without LF after a chunk size");
      line_bytes_ = 0;
      has_digit_ = false;
      state_ = remaining_ == 0 ? State::kTrailer : State::kData;
      return {};
    case State::kDataCr:
      if (c != '\r') return malformed("a chunk is longer than its size");
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      if (c != '\n') return malformed("a chunk does not end with CRLF");
      state_ = State::kSize;
      return {};
    case State::kTrailer:
      if (++trailer_bytes_ > kTrailerBytes)
        return fail(Code::kResourceExhausted, "chunked body: a trailer over kTrailerBytes");
      if (c == '\r') {
        state_ = State::kTrailerLf;
      } else if (c == '\n') {
        return malformed("a bare LF in the trailer");
      } else {
        trailer_line_ += c;
      }
      return {};
    case State::kTrailerLf:
      if (c != '\n') return malformed("a bare CR in the trailer");
      return end_of_trailer_line();
    case State::kData:
    case State::kDone: break;
  }
  return fail(internal_error("chunk decoder: a byte in a state that takes none"));
}

Result<> ChunkDecoder::size_digit(char c) {
  if (const int digit = hex_value(c); digit >= 0) {
    if (++line_bytes_ > 16 || remaining_ >= kMaxChunk / 16) return malformed("a chunk size that is too large");
    remaining_ = remaining_ * 16 + std::uint64_t(digit);
    has_digit_ = true;
    return {};
  }
  if (!has_digit_) return malformed("a chunk size that is no hexadecimal number");
  if (c == '\r') {
    state_ = State::kSizeLf;
  } else if (c == ';') {
    state_ = State::kExtension;
  } else {
    return malformed("a chunk size that is no hexadecimal number");
  }
  return {};
}

Result<> ChunkDecoder::end_of_trailer_line() {
  if (trailer_line_.empty()) {
    state_ = State::kDone;
    return {};
  }
  const std::size_t colon = trailer_line_.find(':');
  if (colon == std::string::npos || !is_token(std::string_view(trailer_line_).substr(0, colon)) ||
      !is_field_value(std::string_view(trailer_line_).substr(colon + 1))) {
    return malformed("a malformed trailer field");
  }
  if (++trailer_fields_ > kHeaderCount)
    return fail(Code::kResourceExhausted, "chunked body: more than kHeaderCount trailer fields");
  trailer_line_.clear();
  state_ = State::kTrailer;
  return {};
}

}  // namespace remit::http::detail

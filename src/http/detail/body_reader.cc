#include "http/detail/body_reader.h"

#include <algorithm>

namespace remit::http::detail {

namespace {

constexpr std::size_t kSmallRead = 4u << 10;
constexpr std::size_t kLargeRead = kReadBytes;

}  // namespace

void BodyReader::start(BodyFrame frame) {
  framing_ = frame.framing;
  remaining_ = frame.length;
  done_ = framing_ == Framing::kNone || (framing_ == Framing::kLength && remaining_ == 0);
  chunks_.reset();
}

Task<Result<std::optional<std::string>>> BodyReader::read_some(Wire* wire, FlatBuffer* in, IoBound bound) {
  for (;;) {
    if (done_) co_return std::nullopt;
    REMIT_CO_TRY(std::string piece, take(*in));
    if (!piece.empty()) co_return std::optional(std::move(piece));
    if (done_) co_return std::nullopt;
    // A stream of events comes in small pieces, a large body in large ones.
    const std::size_t room = framing_ == Framing::kLength && remaining_ > kSmallRead ? kLargeRead : kSmallRead;
    REMIT_CO_TRY(const std::size_t size, co_await wire->read(in->prepare(room), bound));
    if (size == 0) {
      if (framing_ != Framing::kUntilClose) co_return fail(Code::kDataLoss, "the connection ended inside a body");
      done_ = true;
    }
    in->commit(size);
  }
}

Result<std::string> BodyReader::take(FlatBuffer& in) {
  if (framing_ == Framing::kChunked) return take_chunked(in);
  std::size_t size = std::min(in.size(), kReadBytes);
  if (framing_ == Framing::kLength) {
    size = std::size_t(std::min<std::uint64_t>(size, remaining_));
    remaining_ -= size;
    done_ = remaining_ == 0;
  }
  std::string piece(in.view().substr(0, size));
  in.consume(size);
  return piece;
}

Result<std::string> BodyReader::take_chunked(FlatBuffer& in) {
  std::string piece;
  while (!in.empty() && !chunks_.done() && piece.size() < kReadBytes) {
    REMIT_TRY(const ChunkDecoder::Piece part, chunks_.decode(in.view().substr(0, kReadBytes)));
    piece.append(part.data.substr(0, part.data.size()));
    in.consume(part.consumed);
  }
  done_ = chunks_.done();
  return piece;
}

}  // namespace remit::http::detail

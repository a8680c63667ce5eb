#include "http/detail/chunk_decoder.h"

#include <gtest/gtest.h>

#include "http/limits.h"

namespace remit::http::detail {
namespace {

// The decoded data, "" + done in `done`, or the error.
Result<std::string> decode(std::string_view bytes, std::size_t step, bool& done, std::size_t& used) {
  ChunkDecoder decoder;
  std::string data;
  used = 0;
  while (used < bytes.size() && !decoder.done()) {
    const std::size_t offered = std::min(step, bytes.size() - used);
    REMIT_TRY(const ChunkDecoder::Piece piece, decoder.decode(bytes.substr(used, offered)));
    data += piece.data;
    used += piece.consumed;
    if (piece.consumed == 0) break;
  }
  done = decoder.done();
  return data;
}

TEST(ChunkDecoder, TakesAnyPieces) {
  const std::string bytes = "5\r\nhello\r\n6;ext=\"v\"\r\n world\r\n0\r\nTrailer: x\r\n\r\nNEXT";
  for (const std::size_t step : {std::size_t(1), std::size_t(2), std::size_t(3), std::size_t(10), bytes.size()}) {
    bool done = false;
    std::size_t used = 0;
    const Result<std::string> data = decode(bytes, step, done, used);
    ASSERT_TRUE(data.has_value()) << data.error().message();
    EXPECT_EQ(*data, "hello world");
    EXPECT_TRUE(done);
    EXPECT_EQ(bytes.substr(used), "NEXT");
  }
}

TEST(ChunkDecoder, RefusesWhatIsAmbiguous) {
  const std::vector<std::string> bad = {
      "\r\n",
      "g\r\n",
      "0x5\r\nhello\r\n",
      "+5\r\nhello\r\n",
      "-1\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "5\nhello\r\n0\r\n\r\n",
      "5\rhello\r\n",
      "5\r\nhello0\r\n\r\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhello\r0\r\n\r\n",
      "5;a\nb\r\nhello\r\n",
      std::string("5;a\0b\r\nhello\r\n", 14),
      "10000000000000000\r\n",
      "FFFFFFFFFFFFFFFF\r\n",
      "00000000000000005\r\nhello\r\n",
      "0\r\nbad trailer\r\n\r\n",
      "0\r\nX : y\r\n\r\n",
      "0\r\n X: y\r\n\r\n",
      "0\r\nX: y\n\r\n",
      "0\r\nX: a\rb\r\n\r\n",
      "0\n\n",
      "0\r\n\rX",
      ";ext\r\n",
  };
  for (const std::string& bytes : bad) {
    for (const std::size_t step : {std::size_t(1), bytes.size()}) {
      bool done = false;
      std::size_t used = 0;
      EXPECT_FALSE(decode(bytes, step, done, used).has_value()) << bytes;
    }
  }
}

TEST(ChunkDecoder, HasLimits) {
  bool done = false;
  std::size_t used = 0;
  const std::string extension = "5;" + std::string(kChunkLineBytes, 'x') + "\r\nhello\r\n";
  EXPECT_EQ(decode(extension, extension.size(), done, used).error().code(), Code::kResourceExhausted);
  std::string trailer = "0\r\n";
  for (std::size_t i = 0; i <= kHeaderCount; ++i) trailer += "X: y\r\n";
  EXPECT_EQ(decode(trailer, trailer.size(), done, used).error().code(), Code::kResourceExhausted);
  const std::string long_trailer = "0\r\nX: " + std::string(kTrailerBytes, 'y');
  EXPECT_EQ(decode(long_trailer, long_trailer.size(), done, used).error().code(), Code::kResourceExhausted);
}

}  // namespace
}  // namespace remit::http::detail

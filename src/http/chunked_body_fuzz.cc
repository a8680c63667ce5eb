// Any bytes as a chunked body: the data, the end and a refusal must not depend on how the bytes are cut.
#include <cstdlib>

#include "http/detail/chunk_decoder.h"

namespace {

using remit::http::detail::ChunkDecoder;

struct Outcome {
  std::string data;
  std::size_t used = 0;
  bool done = false;
  bool failed = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decode(std::string_view bytes, std::size_t step) {
  ChunkDecoder decoder;
  Outcome outcome;
  while (outcome.used < bytes.size() && !decoder.done()) {
    const auto piece = decoder.decode(bytes.substr(outcome.used, step));
    if (!piece) {
      outcome.failed = true;
      outcome.used = 0;
      return outcome;
    }
    outcome.data += piece->data;
    outcome.used += piece->consumed;
  }
  outcome.done = decoder.done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (decode(bytes, size + 1) != decode(bytes, 1)) std::abort();
  return 0;
}

// Any bytes as the head of a request: pieces must not change the outcome, and what is accepted must be beyond doubt.
#include <cstdlib>

#include "http/detail/head_parser.h"
#include "http/detail/syntax.h"

namespace {

using namespace remit::http::detail;

void require(bool condition) {
  if (!condition) std::abort();
}

// The head's end, 0 when more is needed, -1 when it is refused.
long find_end(std::string_view bytes, std::size_t step) {
  HeadScanner scanner;
  for (std::size_t shown = 0;;) {
    shown = std::min(bytes.size(), shown + step);
    const auto end = scanner.scan(bytes.substr(0, shown));
    if (!end) return -1;
    if (*end) return long(**end);
    if (shown == bytes.size()) return 0;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const long end = find_end(bytes, SIZE_MAX / 2);
  require(end == find_end(bytes, 1));
  if (end <= 0) return 0;
  const std::string_view whole = bytes.substr(0, std::size_t(end));
  (void)parse_response_head(whole, remit::http::kHeaderCount, false);
  RequestHead head;
  if (parse_request_head(whole, remit::http::kHeaderCount, head)) return 0;
  require(is_token(head.method) && is_target(head.target));
  require(head.headers.count("Host") <= 1 && head.headers.count("Content-Length") <= 1);
  require(!(head.headers.has("Content-Length") && head.headers.has("Transfer-Encoding")));
  require((head.body.framing == Framing::kChunked) == head.headers.has("Transfer-Encoding"));
  for (const auto [name, value] : head.headers) require(is_token(name) && is_field_value(value));
  return 0;
}

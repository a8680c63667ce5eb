// The head of a message: where it ends (HeadScanner) and what it says (parse_…_head). Beast's basic_parser reads the
// grammar; what RFC 9112 lets a recipient tolerate and two recipients could read differently is refused here: bare CR
// or LF, folded lines, any repetition of Content-Length or Host, Content-Length together with Transfer-Encoding, a
// transfer coding other than a single "chunked".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/header_table.h"
#include "http/limits.h"

namespace remit::http::detail {

// Finds the empty line, in any number of steps, each byte looked at once.
class HeadScanner {
 public:
  // `bytes` begins at the head's first byte and grows between calls. The head's size with its empty line, nullopt when
  // more is needed.
  Result<std::optional<std::size_t>> scan(std::string_view bytes);
  void reset() { line_at_ = scanned_ = 0; }

 private:
  std::size_t line_at_ = 0;
  std::size_t scanned_ = 0;
};

enum class Framing : std::uint8_t { kNone, kLength, kChunked, kUntilClose };

struct BodyFrame {
  Framing framing = Framing::kNone;
  std::uint64_t length = 0;  // With kLength.
};

struct RequestHead {
  std::string method;
  std::string target;
  int minor_version = 1;
  HeaderTable headers;
  BodyFrame body;
  bool keep_alive = true;
  bool expects_continue = false;

  void clear();  // Keeps the memory.
};

struct ResponseHead {
  int status = 0;
  int minor_version = 1;
  HeaderTable headers;
  BodyFrame body;
  bool keep_alive = true;
};

// Why a request was refused, as the status to answer with; the message is for its sender.
struct Refusal {
  int status = 400;
  std::string message;
};

// `bytes` is one whole head, as HeadScanner measured it. `out` must be clear.
std::optional<Refusal> parse_request_head(std::string_view bytes, std::size_t max_headers, RequestHead& out);
// `to_head_request`: the answer to HEAD, which has no body whatever it says.
Result<ResponseHead> parse_response_head(std::string_view bytes, std::size_t max_headers, bool to_head_request);

}  // namespace remit::http::detail

// Server-sent events, both ways, as the HTML standard has them (section 9.2). One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/limits.h"

namespace remit::http {

struct SseEvent {
  std::string event;  // "" stands for "message".
  std::string data;   // Lines joined by \n.
  std::optional<std::string> id;
  std::optional<std::uint64_t> retry_ms;

  friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

struct SseLimits {
  std::size_t event_bytes = kSseEventBytes;
  std::size_t line_bytes = kSseLineBytes;
};

// Push bytes in as they come, in any pieces, and take events out. Lines end with LF, CR or CRLF; one byte order mark at
// the start is skipped; comments and unknown fields are ignored. An event without data is not reported, but its id and
// retry are kept. An event that the end of the stream cuts short is dropped, as the standard says.
class SseParser {
 public:
  explicit SseParser(SseLimits limits = {}) : limits_(limits) {}

  // kResourceExhausted when a line or an event grows over its limit; the parser is then of no more use.
  Result<> push(std::string_view bytes);
  // The next whole event, nullopt when more bytes are needed.
  std::optional<SseEvent> next();

  const std::string& last_event_id() const { return last_id_; }
  std::optional<std::uint64_t> retry_ms() const { return retry_ms_; }

 private:
  Result<> end_of_line();
  void field(std::string_view name, std::string_view value);
  void dispatch();

  SseLimits limits_;
  std::string line_;
  SseEvent building_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool at_start_ = true;
  std::string last_id_;
  std::optional<std::uint64_t> retry_ms_;
  std::deque<SseEvent> ready_;
};

// The event on the wire, ready to send. Line breaks in data become further data lines; in event and id they would forge
// fields and are dropped.
std::string format_sse(const SseEvent& event);
// A comment, which keeps a connection alive: ":text\n\n".
std::string format_sse_comment(std::string_view text);

}  // namespace remit::http

// Heads as they go on the wire. A field that could forge another (a name that is no token, a value with CR, LF or NUL)
// is kInvalidArgument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "http/header_table.h"
#include "http/limits.h"
#include "http/message.h"
#include "http/url.h"

namespace remit::http::detail {

// "Date: Tue, 24 Nov 2026 01:46:26 GMT\r\n", made once a second.
class DateLine {
 public:
  std::string_view at(WallTime time);

 private:
  std::int64_t second_ = INT64_MIN;
  std::string line_;
};

enum class BodyHeader : std::uint8_t { kNone, kLength, kChunked };

struct ResponseHeadPlan {
  int status = 200;
  BodyHeader body = BodyHeader::kNone;
  std::uint64_t length = 0;
  bool close = false;
  bool say_keep_alive = false;  // To an HTTP/1.0 client.
};

// Skips the fields that belong to the connection and to the framing: they are the writer's own.
Result<> append_response_head(std::string& out, const ResponseHeadPlan& plan, const HeaderTable& headers,
                              std::string_view content_type, std::string_view date_line);
// The request's own fields may not name what the client sets itself.
Result<> append_request_head(std::string& out, const Request& request, const Url& url, std::string_view user_agent);

bool is_hop_by_hop(std::string_view name);

}  // namespace remit::http::detail

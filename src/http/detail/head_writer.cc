#include "http/detail/head_writer.h"

#include <fmt/format.h>

#include <charconv>
#include <ctime>

#include "base/strings.h"
#include "http/detail/syntax.h"

namespace remit::http::detail {

namespace {

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

Result<> append_field(std::string& out, std::string_view name, std::string_view value) {
  if (!is_token(name) || !is_field_value(value)) {
    return fail(invalid_argument("the header field '" + printable(name, 60) + "' has a character that cannot be sent"));
  }
  out.append(name).append(": ").append(value).append("\r\n");
  return {};
}

bool is_sent_by_client_itself(std::string_view name) {
  return is_hop_by_hop(name) || equals_ignoring_case(name, "Host") || equals_ignoring_case(name, "Content-Length") ||
         equals_ignoring_case(name, "Expect");
}

// A body, or a method that is expected to have one, states its length.
bool states_length(const Request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

void append_status_line(std::string& out, int status) {
  if (status == 200) {
    out.append("HTTP/1.1 200 OK\r\n");
    return;
  }
  out.append("HTTP/1.1 ");
  append_number(out, std::uint64_t(status));
  out.append(" ").append(reason_phrase(status)).append("\r\n");
}

}  // namespace

std::string_view DateLine::at(WallTime time) {
  const std::int64_t second = unix_nanos(time) / 1'000'000'000;
  if (second == second_) return line_;
  second_ = second;
  constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = std::time_t(second);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  line_ = fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} GMT\r\n", kDays[std::size_t(parts.tm_wday)],
                      parts.tm_mday, kMonths[std::size_t(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                      parts.tm_min, parts.tm_sec);
  return line_;
}

bool is_hop_by_hop(std::string_view name) {
  switch (name.size()) {
    case 2: return equals_ignoring_case(name, "TE");
    case 7: return equals_ignoring_case(name, "Upgrade") || equals_ignoring_case(name, "Trailer");
    case 10: return equals_ignoring_case(name, "Connection") || equals_ignoring_case(name, "Keep-Alive");
    case 16: return equals_ignoring_case(name, "Proxy-Connection");
    case 17: return equals_ignoring_case(name, "Transfer-Encoding");
    default: return false;
  }
}

Result<> append_response_head(std::string& out, const ResponseHeadPlan& plan, const HeaderTable& headers,
                              std::string_view content_type, std::string_view date_line) {
  if (plan.status < 200 || plan.status > 599) {
    return fail(invalid_argument(fmt::format("{} is no status of a final answer", plan.status)));
  }
  append_status_line(out, plan.status);
  out.append(date_line);
  if (!content_type.empty()) REMIT_CHECK_OK(append_field(out, "Content-Type", content_type));
  for (const auto [name, value] : headers) {
    if (is_hop_by_hop(name) || equals_ignoring_case(name, "Content-Length") || equals_ignoring_case(name, "Date"))
      continue;
    REMIT_CHECK_OK(append_field(out, name, value));
  }
  if (plan.body == BodyHeader::kLength) {
    out.append("Content-Length: ");
    append_number(out, plan.length);
    out.append("\r\n");
  } else if (plan.body == BodyHeader::kChunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
  if (plan.close) {
    out.append("Connection: close\r\n");
  } else if (plan.say_keep_alive) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append("\r\n");
  return {};
}

Result<> append_request_head(std::string& out, const Request& request, const Url& url, std::string_view user_agent) {
  if (!is_token(request.method) || request.method.size() > kMethodBytes || request.method == "CONNECT") {
    return fail(invalid_argument("the method '" + printable(request.method, 40) + "' cannot be sent"));
  }
  out.append(request.method).append(" ").append(url.target).append(" HTTP/1.1\r\nHost: ").append(url.authority());
  out.append("\r\n");
  if (!user_agent.empty() && !request.headers.has("User-Agent"))
    REMIT_CHECK_OK(append_field(out, "User-Agent", user_agent));
  for (const auto [name, value] : request.headers) {
    if (is_sent_by_client_itself(name)) {
      return fail(invalid_argument("the header field '" + printable(name, 60) +
                                   "' is set by the HTTP client itself; leave it out"));
    }
    REMIT_CHECK_OK(append_field(out, name, value));
  }
  if (states_length(request)) {
    out.append("Content-Length: ");
    append_number(out, request.body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
  return {};
}

}  // namespace remit::http::detail

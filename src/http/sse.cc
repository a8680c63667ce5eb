#include "http/sse.h"

#include <fmt/format.h>

namespace remit::http {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::optional<std::uint64_t> parse_retry(std::string_view text) {
  if (text.empty() || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + std::uint64_t(c - '0');
  }
  return value;
}

void append_one_line(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  for (const char c : value) {
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  }
  out += '\n';
}

}  // namespace

Result<> SseParser::push(std::string_view bytes) {
  while (!bytes.empty()) {
    if (after_cr_ && bytes[0] == '\n') bytes.remove_prefix(1);
    after_cr_ = false;
    const std::size_t end = std::min(bytes.find_first_of("\r\n"), bytes.size());
    if (line_.size() + end > limits_.line_bytes) {
      return fail(Code::kResourceExhausted,
                  fmt::format("server-sent events: a line over {} bytes", limits_.line_bytes));
    }
    line_.append(bytes.substr(0, end));
    if (end == bytes.size()) break;
    after_cr_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    REMIT_CHECK_OK(end_of_line());
  }
  return {};
}

Result<> SseParser::end_of_line() {
  std::string_view line = line_;
  if (at_start_ && line.starts_with(kByteOrderMark)) line.remove_prefix(kByteOrderMark.size());
  at_start_ = false;
  if (line.empty()) {
    dispatch();
  } else if (const std::size_t colon = line.find(':'); colon == std::string_view::npos) {
    field(line, "");
  } else if (colon > 0) {
    std::string_view value = line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    field(line.substr(0, colon), value);
  }
  line_.clear();
  const std::size_t size = building_.data.size() + building_.event.size() + (building_.id ? building_.id->size() : 0);
  if (size > limits_.event_bytes) {
    return fail(Code::kResourceExhausted,
                fmt::format("server-sent events: an event over {} bytes", limits_.event_bytes));
  }
  return {};
}

void SseParser::field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (has_data_) building_.data += '\n';
    building_.data += value;
    has_data_ = true;
  } else if (name == "event") {
    building_.event = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) building_.id = value;
  } else if (name == "retry") {
    if (const auto retry = parse_retry(value)) building_.retry_ms = retry;
  }
}

void SseParser::dispatch() {
  if (building_.id) last_id_ = *building_.id;
  if (building_.retry_ms) retry_ms_ = building_.retry_ms;
  if (has_data_) ready_.push_back(std::move(building_));
  building_ = {};
  has_data_ = false;
}

std::optional<SseEvent> SseParser::next() {
  if (ready_.empty()) return std::nullopt;
  SseEvent event = std::move(ready_.front());
  ready_.pop_front();
  return event;
}

std::string format_sse(const SseEvent& event) {
  std::string out;
  out.reserve(event.data.size() + event.event.size() + 32);
  if (!event.event.empty()) append_one_line(out, "event: ", event.event);
  if (event.id) append_one_line(out, "id: ", *event.id);
  if (event.retry_ms) out += fmt::format("retry: {}\n", *event.retry_ms);
  std::string_view rest = event.data;
  for (;;) {
    const std::size_t end = std::min(rest.find_first_of("\r\n"), rest.size());
    out.append("data: ").append(rest.substr(0, end)).append("\n");
    if (end == rest.size()) break;
    rest.remove_prefix(rest.substr(end).starts_with("\r\n") ? end + 2 : end + 1);
  }
  return out += '\n';
}

std::string format_sse_comment(std::string_view text) {
  std::string out;
  append_one_line(out, ":", text);
  return out += '\n';
}

}  // namespace remit::http

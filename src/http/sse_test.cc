#include "http/sse.h"

#include <gtest/gtest.h>

namespace remit::http {
namespace {

std::vector<SseEvent> parse(std::string_view bytes, std::size_t step = SIZE_MAX) {
  SseParser parser;
  std::vector<SseEvent> events;
  while (!bytes.empty()) {
    const std::size_t size = std::min(step, bytes.size());
    EXPECT_TRUE(parser.push(bytes.substr(0, size)).has_value());
    bytes.remove_prefix(size);
    while (auto event = parser.next()) events.push_back(std::move(*event));
  }
  return events;
}

SseEvent event_of(std::string data, std::string event = "", std::optional<std::string> id = {}) {
  SseEvent made;
  made.data = std::move(data), made.event = std::move(event), made.id = std::move(id);
  return made;
}

TEST(SseParser, ReadsAllLineEndingsInAnyPieces) {
  for (const char* end : {"\n", "\r", "\r\n"}) {
    std::string bytes =
        "\xEF\xBB\xBF: comment|event: add|data: one|data:two|data|id: 7|unknown: x||data: [DONE]||data: cut";
    std::string text;
    for (const char c : bytes) c == '|' ? text.append(end) : text.append(1, c);
    for (const std::size_t step : {std::size_t(1), std::size_t(2), std::size_t(5), text.size()}) {
      EXPECT_EQ(parse(text, step), (std::vector<SseEvent>{event_of("one\ntwo\n", "add", "7"), event_of("[DONE]")}));
    }
  }
}

TEST(SseParser, FollowsTheStandardInSmallThings) {
  EXPECT_EQ(parse("data:  two spaces\n\n"), std::vector{event_of(" two spaces")});
  EXPECT_EQ(parse("data\n\n"), std::vector{event_of("")});
  EXPECT_TRUE(parse("event: x\n\n").empty());
  EXPECT_TRUE(parse("\n\n\n").empty());
  EXPECT_EQ(parse("data: a\n\n\xEF\xBB\xBF"
                  "data: b\n\n"),
            std::vector{event_of("a")});
  SseParser parser;
  ASSERT_TRUE(parser.push(std::string_view("id: 5\nretry: 100\n\nid: a\0b\nretry: 1x\ndata: d\n\n", 46)).has_value());
  EXPECT_EQ(parser.last_event_id(), "5");
  EXPECT_EQ(parser.retry_ms(), 100u);
}

TEST(SseParser, HasLimits) {
  SseParser lines({100, 10});
  EXPECT_TRUE(lines.push("data: 1234\n").has_value());
  EXPECT_EQ(lines.push("data: 12345").error().code(), Code::kResourceExhausted);
  SseParser events({10, 100});
  EXPECT_TRUE(events.push("data: 12345\n").has_value());
  EXPECT_EQ(events.push("data: 12345\n").error().code(), Code::kResourceExhausted);
}

TEST(FormatSse, ComesBackTheSame) {
  SseEvent event = event_of("a\nb\n\nc", "delta", "9");
  event.retry_ms = 5;
  EXPECT_EQ(parse(format_sse(event)), std::vector{event});
  EXPECT_EQ(format_sse(event_of("x")), "data: x\n\n");
  EXPECT_EQ(format_sse_comment("ping\n\ndata: forged"), ":pingdata: forged\n\n");
}

TEST(FormatSse, CannotBeForged) {
  EXPECT_EQ(parse(format_sse(event_of("a\rid: 1\r\nevent: b", "x\ndata: y", "1\n\ndata: z"))),
            std::vector{event_of("a\nid: 1\nevent: b", "xdata: y", "1data: z")});
}

}  // namespace
}  // namespace remit::http

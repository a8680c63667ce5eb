#include "http/detail/head_parser.h"

#include <gtest/gtest.h>

namespace remit::http::detail {
namespace {

struct Outcome {
  int status = 0;  // 0: accepted.
  std::string message;
  RequestHead head;
};

Outcome parse(std::string_view bytes, std::size_t step = SIZE_MAX) {
  HeadScanner scanner;
  std::size_t shown = 0;
  for (;;) {
    shown = std::min(bytes.size(), step == SIZE_MAX ? bytes.size() : shown + step);
    const auto end = scanner.scan(bytes.substr(0, shown));
    if (!end) return {400, end.error().message(), {}};
    if (*end) {
      Outcome outcome;
      if (auto refusal = parse_request_head(bytes.substr(0, **end), kHeaderCount, outcome.head)) {
        outcome.status = refusal->status;
        outcome.message = refusal->message;
      }
      return outcome;
    }
    if (shown == bytes.size()) return {-1, "incomplete", {}};
  }
}

TEST(RequestHead, ReadsWhatIsPlain) {
  const Outcome outcome =
      parse("POST /a?b=c HTTP/1.1\r\nHost: example.net\r\nContent-Length: 5\r\nX: \t y z \t\r\nEmpty:\r\n\r\nhello");
  ASSERT_EQ(outcome.status, 0) << outcome.message;
  EXPECT_EQ(outcome.head.method, "POST");
  EXPECT_EQ(outcome.head.target, "/a?b=c");
  EXPECT_EQ(outcome.head.body.framing, Framing::kLength);
  EXPECT_EQ(outcome.head.body.length, 5u);
  EXPECT_EQ(outcome.head.headers.get("x"), "y z");
  EXPECT_EQ(outcome.head.headers.find("empty"), "");
  EXPECT_TRUE(outcome.head.keep_alive);
}

TEST(RequestHead, KeepAliveFollowsVersionAndConnection) {
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").head.keep_alive);
}

TEST(RequestHead, AbsoluteFormBecomesOriginForm) {
  const Outcome outcome = parse("GET http://Example.net:8080/x?y HTTP/1.1\r\nHost: example.net:8080\r\n\r\n");
  ASSERT_EQ(outcome.status, 0) << outcome.message;
  EXPECT_EQ(outcome.head.target, "/x?y");
}

struct Case {
  const char* name;
  std::string bytes;
  int status;  // 0: accepted.
};

std::string with(const std::string& fields, const std::string& line = "POST / HTTP/1.1\r\nHost: a\r\n") {
  return line + fields + "\r\n";
}

// Inputs that two readers could take differently, and their neighbours that are fine.
const std::vector<Case>& ambiguous() {
  static const std::vector<Case> cases = {
      {"CL and TE", with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"TE and CL", with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {"two CL, same", with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {"two CL, different", with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {"CL list, same", with("Content-Length: 5, 5\r\n"), 400},
      {"CL with plus", with("Content-Length: +5\r\n"), 400},
      {"CL negative", with("Content-Length: -5\r\n"), 400},
      {"CL hexadecimal", with("Content-Length: 0x5\r\n"), 400},
      {"CL empty", with("Content-Length: \r\n"), 400},
      {"CL with space inside", with("Content-Length: 5 6\r\n"), 400},
      {"CL overflow", with("Content-Length: 18446744073709551621\r\n"), 400},
      {"CL quoted", with("Content-Length: \"5\"\r\n"), 400},
      {"CL fine", with("Content-Length: 005\r\n"), 0},
      {"TE fine", with("Transfer-Encoding: chunked\r\n"), 0},
      {"TE in capitals", with("transfer-encoding: CHUNKED\r\n"), 0},
      {"TE twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"TE chunked, identity", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {"TE list", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"TE chunked not last", with("Transfer-Encoding: chunked, gzip\r\n"), 501},
      {"TE identity", with("Transfer-Encoding: identity\r\n"), 501},
      {"TE xchunked", with("Transfer-Encoding: xchunked\r\n"), 501},
      {"TE chunked with parameter", with("Transfer-Encoding: chunked;a=b\r\n"), 501},
      {"TE empty", with("Transfer-Encoding: \r\n"), 501},
      {"TE with vertical tab",
       with("Transfer-Encoding: \x0b"
            "chunked\r\n"),
       400},
      {"TE in HTTP/1.0", with("Transfer-Encoding: chunked\r\n", "POST / HTTP/1.0\r\nHost: a\r\n"), 400},
      {"space before colon", with("Content-Length : 5\r\n"), 400},
      {"tab before colon", with("Transfer-Encoding\t: chunked\r\n"), 400},
      {"folded line", with("X: a\r\n b\r\n"), 400},
      {"folded line with tab", with("X: a\r\n\tb\r\n"), 400},
      {"folded empty line", with("X:\r\n Transfer-Encoding: chunked\r\n"), 400},
      {"space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"bare LF after a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", with("X: a\rContent-Length: 5\r\n"), 400},
      {"bare CR as a line's end", "GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"CR CR LF", with("X: a\r\r\n"), 400},
      {"NUL in a value", with(std::string("X: a\0b\r\n", 8)), 400},
      {"NUL in a name", with(std::string("X\0: a\r\n", 7)), 400},
      {"empty name", with(": a\r\n"), 400},
      {"line without colon", with("Transfer-Encoding chunked\r\n"), 400},
      {"name with brackets", with("X[a]: b\r\n"), 400},
      {"name with UTF-8", with("X\xc3\xa9: b\r\n"), 400},
      {"value with UTF-8", with("X: \xc3\xa9\r\n"), 0},
      {"DEL in a value", with("X: a\x7f\r\n"), 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"Host with comma", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"Host with bad port", "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", 400},
      {"Host IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
      {"Host and absolute form differ", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with user", "GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400},
      {"target relative", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target with UTF-8", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target star", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"target star for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no version", "GET /\r\nHost: a\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"method with colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501},
      {"long method", std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"unknown expectation", with("Expect: 200-ok\r\n"), 417},
  };
  return cases;
}

TEST(RequestHead, RefusesWhatIsAmbiguous) {
  for (const Case& test : ambiguous()) {
    const Outcome outcome = parse(test.bytes);
    EXPECT_EQ(outcome.status, test.status) << test.name << ": " << outcome.message;
  }
}

TEST(RequestHead, PiecesChangeNothing) {
  for (const Case& test : ambiguous()) {
    for (const std::size_t step : {1, 2, 3, 7}) {
      const Outcome outcome = parse(test.bytes, step);
      EXPECT_EQ(outcome.status, test.status) << test.name << " by " << step << ": " << outcome.message;
    }
  }
}

TEST(RequestHead, HasALimitOfFields) {
  std::string fields;
  for (std::size_t i = 0; i + 1 < kHeaderCount; ++i) fields += "X: y\r\n";
  EXPECT_EQ(parse(with(fields)).status, 0);
  EXPECT_EQ(parse(with(fields + "X: y\r\n")).status, 431);
}

Result<ResponseHead> parse_answer(std::string_view bytes, bool to_head = false) {
  HeadScanner scanner;
  const auto end = scanner.scan(bytes);
  if (!end) return fail(end.error());
  if (!*end) return fail(Code::kOutOfRange, "incomplete");
  return parse_response_head(bytes.substr(0, **end), kHeaderCount, to_head);
}

TEST(ResponseHead, FramesByTheRules) {
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")->body.length, 3u);
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")->body.framing, Framing::kChunked);
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\n\r\n")->body.framing, Framing::kUntilClose);
  EXPECT_FALSE(parse_answer("HTTP/1.1 200 OK\r\n\r\n")->keep_alive);
  EXPECT_EQ(parse_answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true)->body.framing, Framing::kNone);
  EXPECT_EQ(parse_answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n")->body.framing, Framing::kNone);
  EXPECT_EQ(parse_answer("HTTP/1.1 204 \r\n\r\n")->body.framing, Framing::kNone);
  EXPECT_EQ(parse_answer("HTTP/1.1 100 Continue\r\n\r\n")->body.framing, Framing::kNone);
}

TEST(ResponseHead, RefusesWhatIsAmbiguous) {
  for (const char* bytes : {
           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n",
           "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
           "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
           "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
           "HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n",
           "HTTP/1.1 200 OK\nX: y\r\n\r\n",
           "HTTP/1.1 099 OK\r\n\r\n",
           "HTTP/1.1 600 OK\r\n\r\n",
           "HTTP/1.1 20 OK\r\n\r\n",
           "HTTP/2 200\r\n\r\n",
           "ICY 200 OK\r\n\r\n",
           "<html>\r\n\r\n",
       }) {
    EXPECT_FALSE(parse_answer(bytes).has_value()) << bytes;
  }
}

}  // namespace
}  // namespace remit::http::detail

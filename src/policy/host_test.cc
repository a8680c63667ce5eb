#include "policy/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remit::policy {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

std::string host(std::string_view text) {
  const auto parsed = parse_host(text);
  return parsed ? parsed->text : "refused";
}
std::string target(std::string_view url) {
  const auto parsed = parse_http_target(url);
  return parsed ? parsed->to_string() : "refused";
}

TEST(Host, TakesNamesAndAddresses) {
  EXPECT_EQ(host("Example.COM"), "example.com");
  EXPECT_EQ(host("a-b.xn--bcher-kva.example"), "a-b.xn--bcher-kva.example");
  EXPECT_EQ(host("localhost"), "localhost");
  EXPECT_EQ(host("10.0.0.1"), "10.0.0.1");
  EXPECT_EQ(host("[::1]"), "::1");
  EXPECT_EQ(host("[2001:DB8:0:0::1]"), "2001:db8::1");
}

TEST(Host, RefusesWhatTwoParsersReadDifferently) {
  for (const std::string_view text : std::initializer_list<std::string_view>{"",
                                                                             ".",
                                                                             "a.",
                                                                             "a..b",
                                                                             "-a.b",
                                                                             "a-.b",
                                                                             "a_b.c",
                                                                             "a b",
                                                                             "a\0b"sv,
                                                                             "exämple.com",
                                                                             "0x7f.0.0.1",
                                                                             "017700000001",
                                                                             "127.1",
                                                                             "127.0.0.01",
                                                                             "256.1.1.1",
                                                                             "1.2.3.4.5",
                                                                             "0x7f000001",
                                                                             "2130706433",
                                                                             "a.123",
                                                                             "user@host",
                                                                             "a%2eb",
                                                                             "[::1",
                                                                             "[::1%eth0]",
                                                                             "[1.2.3.4]",
                                                                             "host/path",
                                                                             "host:80",
                                                                             "evil.com#.good.com",
                                                                             "*"}) {
    EXPECT_EQ(host(text), "refused") << text;
  }
  EXPECT_THAT(parse_host(std::string(kHostBytes + 1, 'a')).error().message(), HasSubstr("kHostBytes"));
}

TEST(Host, ReadsTheTargetOfAUrl) {
  EXPECT_EQ(target("https://api.example.com/v1?x=1"), "api.example.com:443");
  EXPECT_EQ(target("HTTP://api.example.com"), "api.example.com:80");
  EXPECT_EQ(target("https://[::1]:8443/"), "[::1]:8443");
  EXPECT_EQ(target("https://good.com?@evil.com"), "good.com:443");
  for (const std::string_view url : std::initializer_list<std::string_view>{
           "https://good.com@evil.com/", "https://good.com\\@evil.com/", "ftp://a.b", "//a.b", "https://",
           "https://a.b:0/", "https://a.b:65536/", "https://a.b:080/", "https://a.b:/", "https://a.b:+80",
           "https://a.b\r\nHost: c", "javascript:1", "https://a.b.:443", "https:///a.b", "https://a.b\0.c"sv,
           " https://a.b"}) {
    EXPECT_EQ(target(url), "refused") << url;
  }
  EXPECT_THAT(parse_http_target("https://a.b/" + std::string(kUrlBytes, 'a')).error().message(),
              HasSubstr("kUrlBytes"));
}

TEST(Host, PatternsMatchWholeLabels) {
  const auto matches = [](std::string_view pattern, std::string_view text) {
    return HostPattern::parse(pattern)->matches(*parse_host(text));
  };
  EXPECT_TRUE(matches("api.example.com", "API.example.com"));
  EXPECT_TRUE(matches("*.example.com", "a.example.com"));
  EXPECT_TRUE(matches("*.example.com", "a.b.example.com"));
  EXPECT_FALSE(matches("*.example.com", "example.com"));
  EXPECT_FALSE(matches("*.example.com", "badexample.com"));
  EXPECT_FALSE(matches("example.com", "example.com.evil.net"));
  EXPECT_TRUE(matches("[::0:1]", "[::1]"));
  EXPECT_FALSE(HostPattern::parse("*"));
  EXPECT_FALSE(HostPattern::parse("a.*.com"));
  EXPECT_FALSE(HostPattern::parse("*.10.0.0.1"));
}

}  // namespace
}  // namespace remit::policy

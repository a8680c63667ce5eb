#include "http/url.h"

#include <gtest/gtest.h>

#include "http/header_table.h"
#include "http/limits.h"

namespace remit::http {
namespace {

TEST(Url, ReadsItsParts) {
  const Result<Url> url = parse_url("HTTPS://API.Example.net/v1/x?a=b%20c");
  ASSERT_TRUE(url.has_value());
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "api.example.net");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/v1/x?a=b%20c");
  EXPECT_EQ(url->authority(), "api.example.net");
  EXPECT_EQ(url->origin(), "https://api.example.net:443");
  EXPECT_EQ(parse_url("http://[::1]:8080")->to_string(), "http://[::1]:8080/");
  EXPECT_EQ(parse_url("http://h?q")->target, "/?q");
  EXPECT_EQ(parse_url("http://my_service.ns.svc:80/")->authority(), "my_service.ns.svc");
}

TEST(Url, RefusesWhatOthersCouldReadDifferently) {
  for (const char* text : {"",
                           "/path",
                           "example.net",
                           "ftp://h/",
                           "http:/h",
                           "http://",
                           "http:///x",
                           "http://u@h/",
                           "http://u:p@h/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:/",
                           "http://h:8a/",
                           "http://h:+80/",
                           "http://h /",
                           "http://h\\@evil/",
                           "http://h/#f",
                           "http://h/a b",
                           "http://h/\r\nX: y",
                           "http://h/\xc3\xa9",
                           "http://h/%",
                           "http://h/%4",
                           "http://h/%zz",
                           "http://h/<x>",
                           "http://127.1/",
                           "http://0x7f.0.0.1/",
                           "http://0x7f000001/",
                           "http://2130706433/",
                           "http://0177.0.0.1/",
                           "http://1.2.3.4.5/",
                           "http://256.1.1.1/",
                           "http://h./",
                           "http://.h/",
                           "http://a..b/",
                           "http://-a/",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[1.2.3.4]/",
                           "http://[fe80::1%25eth0]/",
                           "http://h%6f/",
                           "http://\xe2\x91\xa0/"}) {
    EXPECT_FALSE(parse_url(text).has_value()) << text;
  }
  EXPECT_EQ(parse_url("http://h/" + std::string(kUrlBytes, 'a')).error().code(), Code::kResourceExhausted);
}

TEST(Url, DecodesQueries) {
  const auto pairs = parse_query("watch=true&name=a%2Fb+c&&flag");
  ASSERT_TRUE(pairs.has_value());
  EXPECT_EQ(*pairs,
            (std::vector<std::pair<std::string, std::string>>{{"watch", "true"}, {"name", "a/b c"}, {"flag", ""}}));
  EXPECT_FALSE(parse_query("a=%0").has_value());
  EXPECT_FALSE(percent_decode("a%00b").has_value());
  EXPECT_FALSE(percent_decode(std::string_view("a\0b", 3)).has_value());
  EXPECT_EQ(percent_decode(percent_encode("a/b c+%~\xff")), "a/b c+%~\xff");
  EXPECT_EQ(path_of("/a/b?c?d"), "/a/b");
  EXPECT_EQ(query_of("/a/b?c?d"), "c?d");
  EXPECT_EQ(query_of("/a"), "");
}

TEST(HeaderTable, IgnoresCaseAndKeepsOrder) {
  HeaderTable table{{"Accept", "a"}, {"X-One", "1"}, {"accept", "b"}};
  EXPECT_EQ(table.get("ACCEPT"), "a");
  EXPECT_EQ(table.count("Accept"), 2u);
  EXPECT_EQ(table.joined("Accept"), "a, b");
  table.set("Accept", "c");
  EXPECT_EQ(table.joined("accept"), "c");
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0].name, "X-One");
  table.set("X-Two", table.get("x-one"));
  EXPECT_EQ(table.get("X-Two"), "1");
  table.remove("x-ONE");
  EXPECT_FALSE(table.has("X-One"));
  EXPECT_FALSE(table.find("none").has_value());
  table.clear();
  EXPECT_TRUE(table.empty());
}

TEST(HeaderTable, FindsTokensInLists) {
  EXPECT_TRUE(list_has_token("keep-alive, Close", "close"));
  EXPECT_TRUE(list_has_token(" close ", "close"));
  EXPECT_FALSE(list_has_token("closed,x-close", "close"));
  EXPECT_FALSE(list_has_token("", "close"));
}

}  // namespace
}  // namespace remit::http

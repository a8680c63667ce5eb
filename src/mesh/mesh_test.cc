#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mesh/arguments.h"
#include "mesh/catalogue.h"
#include "mesh/http_executor.h"

namespace remit::mesh {
namespace {

using testing::HasSubstr;

Catalogue built_in() {
  Catalogue catalogue([](std::string_view path) -> Result<std::string> {
    if (path.find("..") != path.npos) return fail(invalid_argument("leads out of the workspace"));
    return std::string(path.starts_with("./") ? path.substr(2) : path);
  });
  for (auto& tool : built_in_tools()) EXPECT_TRUE(catalogue.add(std::move(tool)));
  return catalogue;
}

TEST(Catalogue, DecodesACallIntoOneNormalForm) {
  const auto action = built_in().decode("files_read", R"({"path":"./a.txt","why":"the goal needs it"})", "builtin");
  ASSERT_TRUE(action) << action.error().to_string();
  EXPECT_EQ(action->tool, "files.read");
  EXPECT_EQ(action->resource, "a.txt");
  EXPECT_EQ(action->justification, "the goal needs it");
  EXPECT_EQ(canonical_json(action->args), R"({"max_bytes":65536,"offset":0,"path":"a.txt"})");
  EXPECT_EQ(action->effect, Effect::kReadOnly);
}

TEST(Catalogue, FaultsSayWhatToSendInstead) {
  const auto catalogue = built_in();
  EXPECT_THAT(catalogue.decode("shell_run", R"({"comand":"ls"})", "x").error().to_string(),
              HasSubstr("did you mean command?"));
  EXPECT_THAT(catalogue.decode("shell_run", R"({"command":"ls","timeout_s":"x"})", "x").error().to_string(),
              HasSubstr("timeout_s: expected an integer"));
  EXPECT_THAT(catalogue.decode("shell_run", R"({"command":"ls","timeout_s":0})", "x").error().to_string(),
              HasSubstr("at least 1"));
  EXPECT_THAT(catalogue.decode("shell_run", "{oops", "x").error().to_string(), HasSubstr("could not be read"));
  EXPECT_THAT(catalogue.decode("files_red", "{}", "x").error().to_string(), HasSubstr("did you mean files_read?"));
  EXPECT_FALSE(catalogue.decode("files_read", R"({"path":"../x"})", "x"));
  EXPECT_EQ(catalogue.decode("files_read", std::string(kMaxArgumentBytes + 1, ' '), "x").error().code(),
            Code::kResourceExhausted);
}

TEST(Catalogue, TheMethodDecidesWhatARequestMayDo) {
  const auto catalogue = built_in();
  EXPECT_EQ(catalogue.decode("http_request", R"({"url":"https://Example.COM/x"})", "x")->effect, Effect::kReadOnly);
  const auto post = catalogue.decode("http_request", R"({"url":"https://Example.COM/x","method":"POST"})", "x");
  EXPECT_EQ(post->effect, Effect::kIrreversible);
  EXPECT_EQ(post->resource, "POST example.com:443");
  EXPECT_FALSE(catalogue.decode("http_request", R"({"url":"https://user@example.com/"})", "x"));
}

TEST(Catalogue, NamesAreUnique) {
  auto catalogue = built_in();
  EXPECT_EQ(catalogue.add({.name = "files_read"}).error().code(), Code::kAlreadyExists);
  for (std::size_t i = catalogue.tools().size(); i < kMaxTools; ++i)
    ASSERT_TRUE(catalogue.add({.name = "t" + std::to_string(i)}));
  EXPECT_EQ(catalogue.add({.name = "one.more"}).error().code(), Code::kResourceExhausted);
}

TEST(Arguments, FillsDefaultsAndChecksDeeply) {
  const auto schema = parse_json_object(
      R"({"type":"object","properties":{"list":{"type":"array","items":{"type":"integer"}},"mode":{"enum":["a","b"],"default":"a"}},"additionalProperties":false})");
  EXPECT_EQ(to_json(*check_arguments(*schema, *parse_json_object(R"({"list":[1]})"))), R"({"list":[1],"mode":"a"})");
  const auto fault =
      check_arguments(*schema, *parse_json_object(R"({"list":[1,"x"],"mode":"c","other":1})")).error().to_string();
  EXPECT_THAT(fault, HasSubstr("list[1]: expected an integer, got a string"));
  EXPECT_THAT(fault, HasSubstr("mode: expected one of"));
  EXPECT_THAT(fault, HasSubstr("other: unknown"));
}

TEST(PublicAddress, SpecialNetworksAreRefused) {
  for (const char* address : {"127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.0.0.0", "224.0.0.1",
                              "100.64.0.1", "::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1",
                              "2002:7f00:1::", "2001:db8::1", "not an address"}) {
    EXPECT_FALSE(check_public_address(address, 80)) << address;
  }
  for (const char* address : {"1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1"})
    EXPECT_TRUE(check_public_address(address, 80)) << address;
}

}  // namespace
}  // namespace remit::mesh

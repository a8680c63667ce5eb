#include "models/provider_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "models/environment.h"
#include "models/secret.h"
#include "models/token_estimate.h"
#include "models/wire/http_failure.h"

namespace remit::models {
namespace {

using testing::HasSubstr;
using testing::Not;

EnvironmentGetter environment(std::map<std::string, std::string, std::less<>> values) {
  return [values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Secrets, NeverShowThemselves) {
  const Secret secret("sk-very-secret-key");
  EXPECT_EQ(fmt::format("{}", secret), "***");
  EXPECT_EQ(fmt::format("[{}]", Secret()), "[]");
  EXPECT_EQ(secret.reveal(), "sk-very-secret-key");
}

TEST(Secrets, AreMaskedInText) {
  SecretMask mask;
  mask.add(Secret("hunter2hunter2"));
  mask.add(Secret("hunter2hunter2-longer"));
  mask.add(Secret("short"));
  EXPECT_EQ(mask("a hunter2hunter2 b hunter2hunter2-longer short"), "a *** b *** short");
  EXPECT_EQ(mask("key sk-abcdefghijklmnopqrstuvwxyz."), "key sk-***");
  EXPECT_EQ(mask("Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123"), "Authorization: Bearer ***");
  EXPECT_EQ(mask("AKIAABCDEFGHIJKLMNOP x"), "AKIA*** x");
  EXPECT_EQ(mask("the task-runner-which-is-quite-long-indeed stays"),
            "the task-runner-which-is-quite-long-indeed stays");
  EXPECT_EQ(mask("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----"),
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----");
  // What is masked stays as it is.
  const std::string once = mask("sk-abcdefghijklmnopqrstuvwxyz hunter2hunter2");
  EXPECT_EQ(mask(once), once);
}

TEST(Environment, FindsEachProvider) {
  const auto openai =
      provider_from_environment(environment({{"OPENAI_API_KEY", " sk-1 \n"}, {"REMIT_MODEL", "m"}})).value();
  EXPECT_EQ(openai.type, ProviderType::kOpenAi);
  EXPECT_EQ(openai.api_key.reveal(), "sk-1");
  EXPECT_EQ(openai.api_key_source, "environment variable OPENAI_API_KEY");
  EXPECT_EQ(openai.model, "m");
  EXPECT_EQ(effective_base_url(openai), "https://api.openai.com/v1");
  const auto anthropic = provider_from_environment(environment({{"ANTHROPIC_API_KEY", "k"},
                                                                {"ANTHROPIC_BASE_URL", "https://proxy.example/v1/"}}))
                             .value();
  EXPECT_EQ(anthropic.type, ProviderType::kAnthropic);
  EXPECT_EQ(effective_base_url(anthropic), "https://proxy.example");
  const auto local = provider_from_environment(
                         environment({{"REMIT_MODEL_URL", "http://127.0.0.1:8000"}, {"OPENAI_API_KEY", "unused"}}))
                         .value();
  EXPECT_EQ(effective_base_url(local), "http://127.0.0.1:8000/v1");
  EXPECT_TRUE(local.api_key.empty()) << "a vendor's key must not go to another server";
  const auto messages =
      provider_from_environment(environment({{"REMIT_MODEL_URL", "http://h:1/v1/messages"}, {"REMIT_MODEL_KEY", "k"}}))
          .value();
  EXPECT_EQ(messages.type, ProviderType::kAnthropic);
  EXPECT_EQ(effective_base_url(messages), "http://h:1");
}

TEST(Environment, TheModelDecidesBetweenTwoVendors) {
  const auto both = environment({{"OPENAI_API_KEY", "a"}, {"ANTHROPIC_API_KEY", "b"}});
  EXPECT_EQ(provider_from_environment(both, "claude-x").value().type, ProviderType::kAnthropic);
  EXPECT_EQ(provider_from_environment(both, "gpt-x").value().type, ProviderType::kOpenAi);
  EXPECT_EQ(provider_from_environment(both).value().type, ProviderType::kOpenAi);
}

TEST(Environment, NothingFoundSaysWhatToSet) {
  const auto none = provider_from_environment(environment({{"OPENAI_API_KEY", ""}}));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kFailedPrecondition);
  EXPECT_THAT(none.error().message(), testing::AllOf(HasSubstr("OPENAI_API_KEY"), HasSubstr("ANTHROPIC_API_KEY"),
                                                     HasSubstr("REMIT_MODEL_URL")));
  EXPECT_FALSE(provider_from_environment(environment({{"REMIT_MODEL_URL", "127.0.0.1:8000"}})));
}

TEST(ProviderConfigs, AreValidated) {
  const auto refused = [](const std::function<void(ProviderConfig&)>& change) {
    ProviderConfig config;
    change(config);
    const auto result = validate(config);
    return result ? std::string("accepted") : result.error().message();
  };
  EXPECT_TRUE(validate(ProviderConfig{}));
  EXPECT_THAT(refused([](auto& c) { c.base_url = "ftp://x"; }), HasSubstr("http://"));
  EXPECT_THAT(refused([](auto& c) { c.max_retries = limits::kRetries + 1; }), HasSubstr("maxRetries"));
  EXPECT_THAT(refused([](auto& c) { c.max_retry_wait = limits::kRetryWait + Duration(1); }), HasSubstr("maxRetryWait"));
  EXPECT_THAT(refused([](auto& c) { c.idle_timeout = Duration(0); }), HasSubstr("timeout"));
  EXPECT_THAT(refused([](auto& c) { c.max_concurrent_calls = 0; }), HasSubstr("maxConcurrentCalls"));
  EXPECT_THAT(refused([](auto& c) { c.headers = {{"x", "a\r\nb: c"}}; }), HasSubstr("line break"));
  EXPECT_THAT(refused([](auto& c) { c.type = ProviderType::kRecorded; }), HasSubstr("recording"));
  const auto key = refused([](auto& c) { c.api_key = Secret("secret\nkey"), c.api_key_source = "file k"; });
  EXPECT_THAT(key, HasSubstr("file k"));
  EXPECT_THAT(key, Not(HasSubstr("secret")));
  for (const auto type : {ProviderType::kOpenAi, ProviderType::kAnthropic, ProviderType::kRecorded})
    EXPECT_EQ(parse_provider_type(to_string(type)).value(), type);
  EXPECT_FALSE(parse_provider_type("openai"));
}

TEST(RetryAfter, SecondsAndDates) {
  const auto now = WallTime(std::chrono::seconds(784111777));  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(wire::parse_retry_after("7", now), std::chrono::seconds(7));
  EXPECT_EQ(wire::parse_retry_after(" 0.5 ", now), std::chrono::milliseconds(500));
  EXPECT_EQ(wire::parse_retry_after("Sun, 06 Nov 1994 08:50:37 GMT", now), std::chrono::seconds(60));
  EXPECT_EQ(wire::parse_retry_after("Sun, 06 Nov 1994 08:40:37 GMT", now), Duration::zero());
  for (const char* bad : {"", "soon", "-1", "1e999999", "nan", "Sun, 06 Nov 1994", "7 seconds"})
    EXPECT_FALSE(wire::parse_retry_after(bad, now)) << bad;
  EXPECT_LT(*wire::parse_retry_after("99999999999999999999", now), std::chrono::hours(24 * 366));
}

TEST(HttpFailures, TellWhatToDo) {
  ProviderConfig config;
  config.api_key = Secret("sk-secret-1234567890");
  config.api_key_source = "environment variable OPENAI_API_KEY";
  const auto explain = [&](int status, std::string_view body) {
    wire::FailedAnswer answer;
    answer.status = status;
    answer.body = body;
    return wire::explain_status(config, "big-model", answer, WallTime{});
  };
  const auto key = explain(
      401,
      R"({"error":{"message":"Incorrect API key provided: sk-secret-1234567890","type":"invalid_request_error"}})");
  EXPECT_EQ(key.error.code(), Code::kUnauthenticated);
  EXPECT_FALSE(key.retryable);
  EXPECT_THAT(key.error.message(), HasSubstr("environment variable OPENAI_API_KEY"));
  EXPECT_THAT(key.error.message(), Not(HasSubstr("1234567890")));
  EXPECT_THAT(explain(404, "").error.message(), HasSubstr("no model 'big-model'"));
  EXPECT_TRUE(explain(429, R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})").retryable);
  EXPECT_FALSE(explain(429, R"({"error":{"message":"pay","code":"insufficient_quota"}})").retryable);
  for (const int status : {408, 409, 500, 502, 503, 504, 529}) EXPECT_TRUE(explain(status, "x").retryable) << status;
  for (const int status : {301, 400, 402, 403, 413, 422, 501}) EXPECT_FALSE(explain(status, "x").retryable) << status;
  EXPECT_THAT(explain(500, "<html>\x1b[31m boom").error.message(), HasSubstr("<html>\\x1b[31m boom"));
  EXPECT_THAT(explain(418, R"({"detail":"a teapot"})").error.message(), HasSubstr("a teapot"));
  EXPECT_LT(explain(500, std::string(100'000, 'x')).error.message().size(), 1000u);
}

TEST(TokenEstimate, CountsBytesAndCharacters) {
  EXPECT_EQ(estimate_tokens(std::string_view("")), 0);
  EXPECT_EQ(estimate_tokens(std::string_view("abcde")), 2);
  EXPECT_EQ(estimate_tokens(std::string_view("日本語")), 3);
  ModelRequest request;
  EXPECT_EQ(estimate_tokens(request), 0);
  request.messages.emplace_back().text = std::string(400, 'a');
  EXPECT_EQ(estimate_usage(request, 8), (Usage{104, 0, 0, 2, 0}));
}

}  // namespace
}  // namespace remit::models

// Live providers against a real server on the loopback that plays the vendor, well and badly.
#include "models/http_provider.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/event_channel.h"
#include "http/client.h"
#include "http/server.h"
#include "models/test_support.h"

namespace remit::models {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kOpenAiGood =
    R"(data: {"id":"c1","model":"m-7","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}

data: {"choices":[{"index":0,"delta":{"content":"lo"}}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":3}}

data: [DONE]

)";

constexpr std::string_view kAnthropicStart =
    "event: message_start\ndata: "
    "{\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"claude-x\",\"usage\":{\"input_tokens\":40,"
    "\"output_tokens\":1}}}\n\n";

// One answer of the server. A stream's pieces are written one by one with `gap` between them.
struct Play {
  int status = 200;
  std::string type = "text/event-stream";
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> pieces;
  Duration gap{0};
  bool cut = false;          // Ends the connection without the proper end of the message.
  bool say_nothing = false;  // Takes the request and never answers.
};

Play good() { return {200, "text/event-stream", {}, {std::string(kOpenAiGood)}, 0ns, false, false}; }
Play error(int status, std::string body = "{}", std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {status, "application/json", std::move(headers), {std::move(body)}, 0ns, false, false};
}

struct Seen {
  std::string target, body;
  std::map<std::string, std::string> headers;
};

// Everything that the server's coroutine shares with the test.
struct Script {
  std::deque<Play> plays;
  std::vector<Seen> seen;
  SystemClock clock;
  std::size_t written = 0;
  bool client_left = false;
};

Task<> answer(std::shared_ptr<Script> script, http::ServerRequest& request, http::ResponseWriter& response) {
  Seen seen{std::string(request.target()), {}, {}};
  for (const auto field : request.headers()) seen.headers[to_lower(field.name)] = field.value;
  auto body = co_await request.read_body();
  seen.body = body.value_or("");
  script->seen.push_back(std::move(seen));
  if (script->plays.empty()) {
    co_await response.send(http::text_response(500, "the test expected no further request"));
    co_return;
  }
  const Play play = script->plays.front();
  if (script->plays.size() > 1) script->plays.pop_front();
  if (play.say_nothing) {
    co_await script->clock.sleep_for(300ms);
    response.abort();
    co_return;
  }
  http::HeaderTable headers;
  headers.set("Content-Type", play.type);
  for (const auto& [name, value] : play.headers) headers.set(name, value);
  co_await response.begin(play.status, headers);
  for (const auto& piece : play.pieces) {
    if (auto wrote = co_await response.write(piece); !wrote) {
      script->client_left = true;
      co_return;
    }
    script->written += piece.size();
    if (play.gap > 0ns) co_await script->clock.sleep_for(play.gap);
  }
  if (play.cut) {
    response.abort();
    co_return;
  }
  co_await response.finish();
}

class HttpProviderTest : public testing::Test {
 protected:
  HttpProviderTest() {
    auto script = script_;
    server_ = std::make_unique<http::Server>(io_.get_executor(), http::ServerOptions{},
                                             [script](http::ServerRequest& request, http::ResponseWriter& response) {
                                               return answer(script, request, response);
                                             });
    port_ = server_->listen_tcp("127.0.0.1", 0).value();
    client_ = std::make_unique<http::Client>(io_.get_executor());
  }

  ProviderConfig config(ProviderType type = ProviderType::kOpenAi) const {
    ProviderConfig out;
    out.type = type;
    out.base_url = fmt::format("http://127.0.0.1:{}", port_);
    out.api_key = Secret("sk-test-key-0123456789");
    out.api_key_source = "environment variable TEST_KEY";
    out.retry_base_wait = 2ms;
    out.max_retry_wait = 2s;
    out.max_retries = 2;
    return out;
  }

  static std::shared_ptr<ModelRequest> request() {
    auto out = std::make_shared<ModelRequest>();
    out->model = "m";
    out->messages = {message(Role::kUser, "Say hello, please.")};
    return out;
  }

  std::unique_ptr<Provider> provider(ProviderConfig configuration) {
    return make_http_provider(io_.get_executor(), std::move(configuration), *client_, clock_, rng_).value();
  }

  static Task<> read_then_stop(std::shared_ptr<Call> call, std::shared_ptr<Finished> out, asio::io_context* io) {
    co_await read_call(call, out);
    io->stop();
  }

  // Unlike finish() this stops when Done came: the server goes on listening.
  Finished run(std::unique_ptr<Call> call) {
    auto out = std::make_shared<Finished>();
    asio::co_spawn(io_, read_then_stop(std::shared_ptr<Call>(std::move(call)), out, &io_), asio::detached);
    io_.restart();
    io_.run_for(20s);
    return std::move(*out);
  }

  Finished call(const ProviderConfig& configuration, std::vector<Play> plays, CallContext context = {}) {
    script_->plays.assign(plays.begin(), plays.end());
    provider_ = provider(configuration);
    return run(provider_->start(request(), context));
  }

  asio::io_context io_;
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> client_;
  std::uint16_t port_ = 0;
  SystemClock clock_;
  SeededRng rng_{7};
  std::unique_ptr<Provider> provider_;
};

TEST_F(HttpProviderTest, AWholeStream) {
  CallContext context;
  context.run = Ulid::parse_hex("0123456789abcdef0123456789abcdef").value();
  context.call = 3;
  const auto finished = call(config(), {good()}, context);
  ASSERT_TRUE(finished.outcome.ok) << finished.outcome.text;
  EXPECT_EQ(finished.outcome.text, "Hello");
  EXPECT_EQ(text_of(finished.events), "Hello");
  EXPECT_TRUE(finished.outcome.usage_known);
  EXPECT_EQ(finished.outcome.usage, (Usage{12, 0, 0, 3, 0}));
  EXPECT_EQ(finished.outcome.response->model, "m-7");
  ASSERT_EQ(script_->seen.size(), 1u);
  auto& seen = script_->seen[0];
  EXPECT_EQ(seen.target, "/v1/chat/completions");
  EXPECT_EQ(seen.headers["authorization"], "Bearer sk-test-key-0123456789");
  EXPECT_EQ(seen.headers["traceparent"], context.traceparent());
  EXPECT_THAT(seen.body, HasSubstr(R"("stream":true)"));
  EXPECT_FALSE(provider_->reconcile(*request()));
}

TEST_F(HttpProviderTest, TheConnectionIsUsedAgain) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(call(config(), {good()}).outcome.ok);
  EXPECT_EQ(client_->stats().connects, 1u);
}

TEST_F(HttpProviderTest, AnthropicHeadersAndAddress) {
  std::string wire(kAnthropicStart);
  wire += R"(data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}

data: {"type":"content_block_stop","index":0}

data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":4}}

data: {"type":"message_stop"}

)";
  const auto finished = call(config(ProviderType::kAnthropic),
                             {{200, "text/event-stream; charset=utf-8", {}, {wire}, 0ns, false, false}});
  ASSERT_TRUE(finished.outcome.ok) << finished.outcome.text;
  EXPECT_EQ(finished.outcome.usage, (Usage{40, 0, 0, 4, 0}));
  auto& seen = script_->seen[0];
  EXPECT_EQ(seen.target, "/v1/messages");
  EXPECT_EQ(seen.headers["x-api-key"], "sk-test-key-0123456789");
  EXPECT_EQ(seen.headers["anthropic-version"], "2023-06-01");
  EXPECT_EQ(seen.headers.count("authorization"), 0u);
}

TEST_F(HttpProviderTest, AServerThatDoesNotStream) {
  const auto finished = call(
      config(),
      {{200,
        "application/json",
        {},
        {R"({"id":"x","choices":[{"finish_reason":"stop","message":{"content":"whole"}}],"usage":{"prompt_tokens":0,"completion_tokens":0}})"},
        0ns,
        false,
        false}});
  ASSERT_TRUE(finished.outcome.ok) << finished.outcome.text;
  EXPECT_EQ(text_of(finished.events), "whole");
  EXPECT_TRUE(finished.outcome.usage_known) << "an explicit zero";
  EXPECT_EQ(finished.outcome.usage, Usage{});
}

TEST_F(HttpProviderTest, AWrongKeyIsToldWithoutIt) {
  const auto finished =
      call(config(), {error(401, R"({"error":{"message":"Incorrect API key provided: sk-test-key-0123456789"}})")});
  EXPECT_EQ(finished.outcome.error->code(), Code::kUnauthenticated);
  EXPECT_THAT(finished.outcome.text, HasSubstr("environment variable TEST_KEY"));
  EXPECT_THAT(finished.outcome.text, Not(HasSubstr("0123456789")));
  EXPECT_EQ(script_->seen.size(), 1u) << "no retry helps against a wrong key";
  EXPECT_TRUE(finished.outcome.usage_known);
  EXPECT_EQ(finished.outcome.usage, Usage{});
}

TEST_F(HttpProviderTest, PassingFailuresAreRetried) {
  for (const int status : {408, 409, 429, 500, 503, 529}) {
    script_->seen.clear();
    const auto finished = call(config(), {error(status), good()});
    EXPECT_TRUE(finished.outcome.ok) << status << finished.outcome.text;
    EXPECT_EQ(script_->seen.size(), 2u);
    EXPECT_EQ(count_of<Progress>(finished.events), 1u) << "a retry is never silent";
  }
}

TEST_F(HttpProviderTest, RetriesAreBounded) {
  const auto finished = call(config(), {error(500, R"({"error":{"message":"boom"}})")});
  EXPECT_EQ(script_->seen.size(), 3u);
  EXPECT_EQ(finished.outcome.error->code(), Code::kUnavailable);
  EXPECT_THAT(finished.outcome.text, testing::AllOf(HasSubstr("boom"), HasSubstr("tried 3 times")));
}

TEST_F(HttpProviderTest, RetryAfterIsHonouredAndBounded) {
  const auto before = clock_.steady_now();
  ASSERT_TRUE(call(config(), {error(429, "{}", {{"Retry-After", "1"}}), good()}).outcome.ok);
  EXPECT_GE(clock_.steady_now() - before, 1s);
  script_->seen.clear();
  const auto finished = call(config(), {error(429, "{}", {{"Retry-After", "3600"}}), good()});
  EXPECT_EQ(finished.outcome.error->code(), Code::kResourceExhausted);
  EXPECT_THAT(finished.outcome.text, HasSubstr("3600 s"));
  EXPECT_EQ(script_->seen.size(), 1u);
}

TEST_F(HttpProviderTest, AWaitThatPassesTheDeadlineIsNotBegun) {
  auto configuration = config();
  configuration.total_timeout = 500ms;
  const auto before = clock_.steady_now();
  const auto finished = call(configuration, {error(429, "{}", {{"Retry-After", "2"}}), good()});
  EXPECT_FALSE(finished.outcome.ok);
  EXPECT_THAT(finished.outcome.text, HasSubstr("no time is left"));
  EXPECT_LT(clock_.steady_now() - before, 1s);
}

TEST_F(HttpProviderTest, NobodyListens) {
  auto configuration = config();
  configuration.base_url = "http://127.0.0.1:1";
  const auto finished = call(configuration, {});
  EXPECT_EQ(finished.outcome.error->code(), Code::kUnavailable);
  EXPECT_THAT(finished.outcome.text,
              testing::AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("could not be reached"), HasSubstr("tried 3 times")));
  EXPECT_TRUE(finished.outcome.usage_known) << "nothing was asked, nothing is owed";
}

TEST_F(HttpProviderTest, GarbageInsteadOfAnAnswer) {
  auto finished = call(config(), {{200, "text/html", {}, {"<html>Login</html>"}, 0ns, false, false}});
  EXPECT_EQ(finished.outcome.error->code(), Code::kDataLoss);
  EXPECT_THAT(finished.outcome.text,
              testing::AllOf(HasSubstr("text/html"), HasSubstr("is its address right?"), HasSubstr("Login")));
  finished = call(config(), {{200, "text/event-stream", {}, {"data: {{{\n\n"}, 0ns, false, false}});
  EXPECT_EQ(finished.outcome.error->code(), Code::kDataLoss);
  finished = call(config(), {{200, "application/json", {}, {"null"}, 0ns, false, false}});
  EXPECT_EQ(finished.outcome.error->code(), Code::kDataLoss);
  EXPECT_FALSE(finished.outcome.usage_known);
}

TEST_F(HttpProviderTest, HalfAStreamIsNotRetriedAndEstimated) {
  for (const bool cut : {false, true}) {
    script_->seen.clear();
    const auto finished = call(config(), {{200,
                                           "text/event-stream",
                                           {},
                                           {std::string(kOpenAiGood.substr(0, kOpenAiGood.find("\n\n") + 2))},
                                           0ns,
                                           cut,
                                           false},
                                          good()});
    EXPECT_FALSE(finished.outcome.ok);
    EXPECT_EQ(finished.outcome.error->code(), Code::kDataLoss) << finished.outcome.text;
    EXPECT_THAT(finished.outcome.text, HasSubstr("in the middle"));
    EXPECT_EQ(text_of(finished.events), "Hel");
    EXPECT_EQ(finished.outcome.response->message.text, "Hel");
    EXPECT_FALSE(finished.outcome.usage_known);
    EXPECT_GT(finished.outcome.usage.input, 0);
    EXPECT_GT(finished.outcome.usage.output, 0);
    EXPECT_EQ(script_->seen.size(), 1u) << "what was passed on must not come twice";
  }
}

TEST_F(HttpProviderTest, AnEmptyAnswerIsRetriedThenTold) {
  EXPECT_TRUE(
      call(config(), {{200, "text/event-stream", {}, {"data: [DONE]\n\n"}, 0ns, false, false}, good()}).outcome.ok);
  script_->seen.clear();
  const auto finished = call(config(), {{200, "text/event-stream", {}, {}, 0ns, false, false}});
  EXPECT_EQ(script_->seen.size(), 3u);
  EXPECT_THAT(finished.outcome.text, HasSubstr("empty answer"));
}

TEST_F(HttpProviderTest, OverloadedAfterTheStartIsRetried) {
  const std::string overloaded =
      std::string(kAnthropicStart) +
      "event: error\ndata: "
      "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";
  const auto finished =
      call(config(ProviderType::kAnthropic), {{200, "text/event-stream", {}, {overloaded}, 0ns, false, false}});
  EXPECT_EQ(script_->seen.size(), 3u) << "usage alone is nothing that was passed on";
  EXPECT_THAT(finished.outcome.text, HasSubstr("Overloaded"));
  EXPECT_EQ(finished.outcome.usage.input, 3 * 40) << "the provider's own count, for each attempt that it may bill";
  EXPECT_FALSE(finished.outcome.usage_known);
}

TEST_F(HttpProviderTest, AServerThatSaysNothing) {
  auto configuration = config();
  configuration.first_byte_timeout = 50ms;
  const auto finished = call(configuration, {{200, "", {}, {}, 0ns, false, true}});
  EXPECT_EQ(finished.outcome.error->code(), Code::kDeadlineExceeded) << finished.outcome.text;
  EXPECT_EQ(script_->seen.size(), 1u) << "it may be at work and bill us: no second one";
  EXPECT_FALSE(finished.outcome.usage_known);
  EXPECT_GT(finished.outcome.usage.input, 0);
}

TEST_F(HttpProviderTest, SilenceInTheMiddle) {
  auto configuration = config();
  configuration.idle_timeout = 50ms;
  const auto finished =
      call(configuration,
           {{200, "text/event-stream", {}, {std::string(kOpenAiGood.substr(0, 120)), "x"}, 400ms, false, false}});
  EXPECT_EQ(finished.outcome.error->code(), Code::kDeadlineExceeded) << finished.outcome.text;
}

TEST_F(HttpProviderTest, SlowBytesAreAllRight) {
  Play slow{200, "text/event-stream", {}, {}, 1ms, false, false};
  for (std::size_t i = 0; i < kOpenAiGood.size(); i += 7) slow.pieces.emplace_back(kOpenAiGood.substr(i, 7));
  auto configuration = config();
  configuration.idle_timeout = 500ms;
  const auto finished = call(configuration, {slow});
  EXPECT_TRUE(finished.outcome.ok) << finished.outcome.text;
  EXPECT_EQ(finished.outcome.text, "Hello");
}

TEST_F(HttpProviderTest, TheCallsOwnDeadlineWins) {
  Play endless{200, "text/event-stream", {}, {}, 5ms, false, false};
  for (int i = 0; i < 400; ++i)
    endless.pieces.emplace_back("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n");
  CallContext context;
  context.deadline = clock_.steady_now() + 150ms;
  const auto before = clock_.steady_now();
  const auto finished = call(config(), {endless}, context);
  EXPECT_EQ(finished.outcome.error->code(), Code::kDeadlineExceeded) << finished.outcome.text;
  EXPECT_LT(clock_.steady_now() - before, 1s);
  EXPECT_FALSE(finished.outcome.usage_known);
}

class Cancelling : public HttpProviderTest {
 protected:
  static Task<> cancel_after(std::shared_ptr<Call> call, Duration wait) {
    SystemClock clock;
    co_await clock.sleep_for(wait);
    call->cancel(CancelReason::kClient);
    call->cancel(CancelReason::kBudget);
  }

  Finished cancelled(ProviderConfig configuration, Play play) {
    script_->plays = {std::move(play)};
    provider_ = provider(std::move(configuration));
    std::shared_ptr<Call> call = provider_->start(request(), {});
    auto out = std::make_shared<Finished>();
    asio::co_spawn(io_, cancel_after(call, 60ms), asio::detached);
    asio::co_spawn(io_, read_then_stop(call, out, &io_), asio::detached);
    const auto before = clock_.steady_now();
    io_.run_for(20s);
    EXPECT_LT(clock_.steady_now() - before, 1s) << "it must stop at once";
    EXPECT_FALSE(out->outcome.ok);
    EXPECT_EQ(out->outcome.error->code(), Code::kCancelled) << out->outcome.text;
    EXPECT_THAT(out->outcome.text, HasSubstr("client"));
    return std::move(*out);
  }
};

TEST_F(Cancelling, WhileItStreams) {
  Play endless{200, "text/event-stream", {}, {}, 5ms, false, false};
  for (int i = 0; i < 400; ++i)
    endless.pieces.emplace_back("data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n");
  const auto finished = cancelled(config(), endless);
  EXPECT_FALSE(text_of(finished.events).empty());
  EXPECT_FALSE(finished.outcome.usage_known);
  EXPECT_EQ(client_->stats().active, 0u);
}

TEST_F(Cancelling, BeforeItBegan) {
  script_->plays = {good()};
  provider_ = provider(config());
  auto call = provider_->start(request(), {});
  call->cancel(CancelReason::kStopped);
  const auto finished = run(std::move(call));
  EXPECT_EQ(finished.outcome.error->code(), Code::kCancelled);
  EXPECT_TRUE(finished.outcome.usage_known);
  EXPECT_TRUE(script_->seen.empty()) << "nothing may be asked after the stop";
}

TEST_F(Cancelling, BeforeTheHeadCame) { cancelled(config(), {200, "", {}, {}, 0ns, false, true}); }

TEST_F(Cancelling, WhileItWaitsForTheNextAttempt) {
  const auto finished = cancelled(config(), error(429, "{}", {{"Retry-After", "2"}}));
  EXPECT_TRUE(finished.outcome.usage_known) << "an error is not billed";
}

TEST_F(Cancelling, WhileItWaitsForAPlace) {
  auto configuration = config();
  configuration.max_concurrent_calls = 1;
  script_->plays = {{200, "", {}, {}, 0ns, false, true}};
  provider_ = provider(configuration);
  auto first = provider_->start(request(), {});
  std::shared_ptr<Call> second = provider_->start(request(), {});
  auto out = std::make_shared<Finished>();
  asio::co_spawn(io_, cancel_after(second, 60ms), asio::detached);
  asio::co_spawn(io_, read_then_stop(second, out, &io_), asio::detached);
  io_.run_for(20s);
  EXPECT_EQ(out->outcome.error->code(), Code::kCancelled);
  EXPECT_TRUE(out->outcome.usage_known);
  EXPECT_EQ(script_->seen.size(), 1u);
  // The first one is dropped without its end, and the place comes back.
  first.reset();
  io_.restart();
  io_.run_for(50ms);
  script_->plays = {good()};
  EXPECT_TRUE(run(provider_->start(request(), {})).outcome.ok);
}

TEST_F(HttpProviderTest, TheMoreImportantCallGoesFirst) {
  auto configuration = config();
  configuration.max_concurrent_calls = 1;
  script_->plays = {good()};
  provider_ = provider(configuration);
  std::vector<std::shared_ptr<Call>> calls;
  std::vector<std::shared_ptr<Finished>> results;
  for (const auto importance : {Importance::kNormal, Importance::kLow, Importance::kCritical}) {
    CallContext context;
    context.importance = importance;
    auto each = request();
    each->messages[0].text = fmt::format("importance {}", static_cast<int>(importance));
    calls.emplace_back(provider_->start(each, context));
    results.push_back(std::make_shared<Finished>());
    asio::co_spawn(io_, read_call(calls.back(), results.back()), asio::detached);
  }
  io_.run_for(500ms);
  ASSERT_EQ(script_->seen.size(), 3u);
  EXPECT_THAT(script_->seen[0].body, HasSubstr("importance 1"));
  EXPECT_THAT(script_->seen[1].body, HasSubstr("importance 3"));
  EXPECT_THAT(script_->seen[2].body, HasSubstr("importance 0"));
}

TEST_F(HttpProviderTest, WhoDoesNotReadSlowsTheServerDown) {
  Play flood{200, "text/event-stream", {}, {}, 0ns, false, false};
  const std::string piece = "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(16'000, 'x') + "\"}}]}\n\n";
  for (int i = 0; i < 900; ++i) flood.pieces.push_back(piece);
  flood.pieces.emplace_back(kOpenAiGood);
  script_->plays = {flood};
  provider_ = provider(config());
  auto call = provider_->start(request(), {});
  io_.run_for(300ms);
  // What the queue of events and the sockets' buffers hold, and no more.
  EXPECT_LT(script_->written, 900 * piece.size() * 3 / 4);
  const auto written = script_->written;
  io_.restart();
  io_.run_for(100ms);
  EXPECT_EQ(script_->written, written);
  const auto finished = run(std::move(call));
  EXPECT_TRUE(finished.outcome.ok) << finished.outcome.text;
  EXPECT_EQ(text_of(finished.events).size(), 900u * 16'000 + 5);
}

TEST_F(HttpProviderTest, AnAnswerOverTheLimitIsCut) {
  Play flood{200, "text/event-stream", {}, {}, 0ns, false, false};
  const std::string piece = "data: {\"choices\":[{\"delta\":{\"content\":\"" + std::string(1 << 20, 'x') + "\"}}]}\n\n";
  for (int i = 0; i < 20; ++i) flood.pieces.push_back(piece);
  const auto finished = call(config(), {flood});
  EXPECT_EQ(finished.outcome.error->code(), Code::kResourceExhausted) << finished.outcome.text;
  EXPECT_EQ(finished.outcome.text.find("xxxxx"), std::string::npos);
}

TEST_F(HttpProviderTest, NoModelNamed) {
  provider_ = provider(config());
  auto unnamed = request();
  unnamed->model.clear();
  const auto finished = run(provider_->start(unnamed, {}));
  EXPECT_THAT(finished.outcome.text, HasSubstr("REMIT_MODEL"));
  auto configuration = config();
  configuration.model = "the-default";
  script_->plays = {good()};
  provider_ = provider(configuration);
  EXPECT_TRUE(run(provider_->start(unnamed, {})).outcome.ok);
  EXPECT_THAT(script_->seen.back().body, HasSubstr(R"("model":"the-default")"));
}

}  // namespace
}  // namespace remit::models

#include "gateway/gateway.h"

#include <gmock/gmock.h>

#include "gateway/detail/call_pump.h"
#include "gateway/guard.h"
#include "gateway/openai_decode.h"
#include "gateway/testing/bed.h"
#include "gateway/trace_parent.h"
#include "mcp/limits.h"

namespace remit::gateway {
namespace {

using namespace testing;
using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kChat = "POST /v1/chat/completions HTTP/1.1\r\nx-api-key: rk-test";
constexpr const char* kHello = R"({"model":"some-model","messages":[{"role":"user","content":"hi"}]})";

http::HeaderTable header(std::string_view name, std::string_view value) {
  http::HeaderTable table;
  table.add(name, value);
  return table;
}

TEST(Guard, LetsInTheHolderOfTheKeyOnly) {
  const Guard guard("secret");
  EXPECT_TRUE(guard.admit(header("authorization", "Bearer secret")));
  EXPECT_TRUE(guard.admit(header("Authorization", "bearer  secret ")));
  EXPECT_TRUE(guard.admit(header("X-Api-Key", "secret")));
  for (const char* wrong : {"", "Secret", "secret2", "secre", "Bearer", "Basic secret"}) {
    EXPECT_EQ(guard.admit(header("Authorization", std::string("Bearer ") + wrong)).error().code(),
              Code::kUnauthenticated);
  }
  EXPECT_FALSE(guard.admit(header("Authorization", "secret")));
  EXPECT_FALSE(guard.admit({}));
  EXPECT_FALSE(Guard("").admit(header("x-api-key", ""))) << "an empty key lets nobody in";
  const std::string longest(kKeyBytes, 'k');
  EXPECT_TRUE(Guard(longest).admit(header("x-api-key", longest)));
  EXPECT_FALSE(Guard(longest + "k").admit(header("x-api-key", longest + "k"))) << "longer than kKeyBytes";
}

TEST(Guard, KeysAreLongAndDiffer) {
  SystemRng rng;
  const auto key = make_run_key(rng);
  EXPECT_EQ(key.size(), 3u + 64u);
  EXPECT_NE(key, make_run_key(rng));
}

TEST(Guard, OriginsOfThisMachineOnly) {
  for (const char* origin : {"http://localhost", "http://localhost:8080", "https://127.0.0.1:1", "http://[::1]:9"}) {
    EXPECT_TRUE(is_local_origin(origin)) << origin;
  }
  for (const char* origin : {"null", "", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "file://",
                             "http://localhost@evil.example", "http://10.0.0.1", "https://evil.example"}) {
    EXPECT_FALSE(is_local_origin(origin)) << origin;
  }
}

TEST(TraceParent, IsTakenWhenItIsWellFormed) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  EXPECT_EQ(parse_trace_parent(good), good);
  EXPECT_EQ(parse_trace_parent("01" + good.substr(2) + "-more"), good);
  for (const std::string& bad :
       {std::string(), good.substr(1), good + "-more", "ff" + good.substr(2), "01" + good.substr(2) + "more",
        std::string("00-00000000000000000000000000000000-b7ad6b7169203331-01"),
        std::string("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"),
        std::string("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")}) {
    EXPECT_EQ(parse_trace_parent(bad), "") << bad;
  }
}

TEST(OpenAiDecode, UnknownMembersTravelAndTheDigestTiesAGrantToTheRequest) {
  const auto call =
      decode_chat_call(R"({"model":"m","messages":[{"role":"user","content":"hi"}],"top_k":3,"max_tokens":9})", "p");
  ASSERT_TRUE(call);
  EXPECT_EQ(call->action.tool, "model.call");
  EXPECT_EQ(call->action.model_request->provider, "p");
  EXPECT_EQ(get_int(call->action.model_request->extra, "top_k"), 3);
  EXPECT_EQ(get_int(call->action.args, "maxOutputTokens"), 9);
  EXPECT_EQ(get_string(call->action.args, "model"), "m");
  const auto other =
      decode_chat_call(R"({"model":"m","messages":[{"role":"user","content":"ho"}],"top_k":3,"max_tokens":9})", "p");
  EXPECT_NE(call->action.hash(), other->action.hash());
}

TEST(Gateway, TheRequestsTraceIsNotedAndReachesTheProviderWhole) {
  Bed bed({.model = {"say ok"}});
  auto client = TestClient::connect(bed.port);
  const std::string trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  client.request(std::string(kChat) + "\r\ntraceparent: " + trace,
                 R"({"model":"m","messages":[{"role":"user","content":"hi"}],"seed":7})");
  EXPECT_EQ(client.receive().status, 200);
  EXPECT_EQ(bed.model->request->provider, "scripted");
  EXPECT_EQ(get_int(bed.model->request->extra, "seed"), 7);
  EXPECT_THAT(to_json(bed.log.records()[0]), HasSubstr(trace));
}

TEST(Gateway, OneConnectionCarriesManyRequests) {
  Bed bed({.model = {"say ok"}});
  auto client = TestClient::connect(bed.port);
  for (int i = 0; i < 20; ++i) {
    client.request(kChat, kHello);
    EXPECT_EQ(client.receive().status, 200);
  }
  EXPECT_EQ(bed.on_thread([&] { return bed.gateway->stats().accepted; }), 1u);
}

TEST(Gateway, ServesASocketThatASandboxHandedOut) {
  Bed bed({.model = {"say ok"}});
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  TestClient client{UniqueFd(ends[0])};
  EXPECT_TRUE(bed.on_thread([&] { return bed.gateway->serve(UniqueFd(ends[1])); }));
  client.request(kChat, kHello);
  EXPECT_THAT(client.receive().body, HasSubstr("\"content\":\"ok\""));
}

TEST(GatewayLimits, ARequestThatIsTooLargeIsRefused) {
  Scene scene{.model = {"say ok"}};
  scene.limits.model_request_bytes = 1000;
  Bed bed(std::move(scene));
  auto client = TestClient::connect(bed.port);
  client.request(kChat, std::string(1001, ' '));
  const auto reply = client.receive();
  EXPECT_EQ(reply.status, 413);
  EXPECT_THAT(reply.body, HasSubstr("request_too_large"));
  auto mcp_client = TestClient::connect(bed.port);
  mcp_client.request("POST /mcp HTTP/1.1\r\nx-api-key: rk-test\r\nContent-Type: application/json",
                     std::string(mcp::kMessageBytes + 1, ' '));
  EXPECT_EQ(mcp_client.receive().status, 413);
}

TEST(GatewayLimits, ConnectionsAreBounded) {
  Scene scene{.model = {"hang"}};
  scene.limits.connections = 2;
  Bed bed(std::move(scene));
  auto first = TestClient::connect(bed.port), second = TestClient::connect(bed.port);
  first.request(kChat, kHello), second.request(kChat, kHello);
  bed.log_types(0, 8);
  auto third = TestClient::connect(bed.port);
  third.request("GET /healthz HTTP/1.1", "");
  EXPECT_NE(third.receive().status, 200);
  bed.on_thread([&] { bed.pipeline.cancel_all(CancelReason::kStopped); });
  EXPECT_EQ(first.receive().status, 503);
  EXPECT_EQ(second.receive().status, 503);
}

std::string open_session(Bed& bed) {
  auto client = TestClient::connect(bed.port);
  client.request("POST /mcp HTTP/1.1\r\nx-api-key: rk-test\r\nContent-Type: application/json",
                 R"({"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})");
  const auto reply = client.receive();
  return reply.status == 200 ? reply.header("mcp-session-id") : std::to_string(reply.status);
}

TestClient say(Bed& bed, const std::string& session, std::string_view message) {
  auto client = TestClient::connect(bed.port);
  client.request(
      "POST /mcp HTTP/1.1\r\nx-api-key: rk-test\r\nContent-Type: application/json\r\nMcp-Session-Id: " + session,
      message);
  return client;
}

constexpr const char* kPing = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
constexpr const char* kRead =
    R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"files_read","arguments":{"path":"a"}}})";

TEST(GatewayLimits, TheLongestIdleSessionMakesRoomAndABusyOneDoesNot) {
  Scene scene{.tool = {"hang"}};
  scene.limits.sessions = 2;
  Bed bed(std::move(scene));
  const auto first = open_session(bed), second = open_session(bed);
  EXPECT_EQ(say(bed, first, kPing).receive().status, 200);
  const auto third = open_session(bed);
  EXPECT_EQ(say(bed, second, kPing).receive().status, 404) << "it was idle for longest";
  EXPECT_EQ(say(bed, first, kPing).receive().status, 200);
  auto one = say(bed, first, kRead), other = say(bed, third, kRead);
  bed.log_types(0, 8);
  EXPECT_EQ(open_session(bed), "503") << "both are busy";
  bed.on_thread([&] { bed.pipeline.cancel_all(CancelReason::kStopped); });
  EXPECT_THAT(one.receive().body, HasSubstr("cancelled: stopped"));
  EXPECT_THAT(other.receive().body, HasSubstr("cancelled: stopped"));
}

TEST(Gateway, AnInitializeThatFailsLeavesNoSession) {
  Scene scene;
  scene.limits.sessions = 1;
  Bed bed(std::move(scene));
  const auto kept = open_session(bed);
  auto client = TestClient::connect(bed.port);
  client.request("POST /mcp HTTP/1.1\r\nx-api-key: rk-test\r\nContent-Type: application/json",
                 R"({"jsonrpc":"2.0","id":0,"method":"initialize"})");
  EXPECT_THAT(client.receive().body, HasSubstr("protocolVersion"));
  EXPECT_EQ(open_session(bed).size(), 32u);
}

TEST(Gateway, AnMcpClientThatGoesCancelsNothing) {
  Bed bed({.tool = {"wait 60", "result late"}});
  const auto session = open_session(bed);
  auto client = say(bed, session, kRead);
  bed.log_types(0, 4);
  client.close();
  EXPECT_THAT(bed.log_types(4, 1), ElementsAre("Settled"));
  EXPECT_EQ(bed.on_thread([&] { return bed.tool->cancelled; }), std::nullopt);
}

TEST(Gateway, ShutdownCancelsWhatStillRunsAndTakesNothingNew) {
  Bed bed({.model = {"hang"}, .tool = {"hang"}});
  const auto session = open_session(bed);
  auto tool = say(bed, session, kRead);
  auto model = TestClient::connect(bed.port);
  model.request(kChat, kHello);
  bed.log_types(0, 8);
  bed.stop(50ms);
  EXPECT_EQ(bed.on_thread([&] { return bed.pipeline.open_calls(); }), 0u);
  EXPECT_EQ(bed.on_thread([&] { return bed.tool->cancelled; }), CancelReason::kStopped);
  EXPECT_EQ(bed.on_thread([&] { return bed.model->cancelled; }), CancelReason::kStopped);
}

TEST(Gateway, ShutdownAlsoEndsACallWhoseClientHasGone) {
  Bed bed({.tool = {"hang"}});
  const auto session = open_session(bed);
  auto client = say(bed, session, kRead);
  bed.log_types(0, 4);
  client.close();
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(bed.on_thread([&] { return bed.pipeline.open_calls(); }), 1u);
  bed.stop(50ms);
  EXPECT_EQ(bed.on_thread([&] { return bed.pipeline.open_calls(); }), 0u);
}

TEST(Gateway, AnMcpCallHasItsToolsTimeLimit) {
  Bed bed({.tool = {"result ok"}});
  const auto session = open_session(bed);
  EXPECT_EQ(say(bed, session, kRead).receive().status, 200);
  const auto action = bed.on_thread([&] { return bed.tool->actions.at(0); });
  EXPECT_EQ(action.channel, "mcp");
  EXPECT_EQ(action.tool, "files.read");
  EXPECT_EQ(get_string(action.args, "path"), "a");
}

// Produces without end and counts.
Task<Outcome> flood(std::shared_ptr<int> produced, std::shared_ptr<EventSink> sink) {
  while (!sink->cancelled()) {
    co_await sink->send(Chunk{Chunk::Stream::kText, "x"});
    ++*produced;
  }
  co_return Outcome{};
}

TEST(GatewayLimits, ASlowClientSlowsTheCallDown) {
  asio::io_context io;
  SystemClock clock;
  auto produced = std::make_shared<int>(0);
  auto call = make_call(io.get_executor(), [=](std::shared_ptr<EventSink> sink) { return flood(produced, sink); });
  auto pump = std::make_unique<CallPump>(io.get_executor(), clock, std::move(call), Duration::zero());
  io.run_for(50ms);
  EXPECT_LE(*produced, static_cast<int>(kPumpedEvents + kEventChannelDepth));
  EXPECT_GT(*produced, 0);
  pump.reset();
  io.restart();
  io.run_for(5s);
  EXPECT_TRUE(io.stopped()) << "an abandoned call is drained to its end";
}

}  // namespace
}  // namespace remit::gateway

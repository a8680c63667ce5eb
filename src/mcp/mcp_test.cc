#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mcp/server_session.h"

namespace remit::mcp {
namespace {

using testing::HasSubstr;

RpcFault fault_of(std::string_view text) {
  const auto body = decode_body(text);
  if (!body) return body.error();
  EXPECT_EQ(body->messages.size(), 1u);
  EXPECT_FALSE(body->messages[0]) << text;
  return body->messages[0] ? RpcFault{} : body->messages[0].error();
}

RpcMessage message(std::string_view text) {
  auto body = decode_body(text);
  EXPECT_TRUE(body && body->messages.size() == 1 && body->messages[0]) << text;
  return std::move(*body->messages[0]);
}

TEST(JsonRpc, EachFaultHasItsCodeAndTheIdThatCouldBeRead) {
  EXPECT_EQ(fault_of("{oops").error.code, kParseError);
  EXPECT_EQ(fault_of("3").error.code, kInvalidRequest);
  EXPECT_EQ(fault_of(R"({"jsonrpc":"1.0","id":4,"method":"ping"})").id, RequestId(std::int64_t{4}));
  EXPECT_EQ(fault_of(R"({"jsonrpc":"2.0","id":"x","method":3})").id, RequestId(std::string("x")));
  EXPECT_THAT(fault_of(R"({"jsonrpc":"2.0","id":null,"method":"ping"})").error.message, HasSubstr("id: expected"));
  EXPECT_THAT(fault_of(R"({"jsonrpc":"2.0","id":1.5,"method":"ping"})").error.message, HasSubstr("id: expected"));
  EXPECT_THAT(fault_of(R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})").error.message,
              HasSubstr("params: expected an object"));
  EXPECT_EQ(fault_of(R"({"jsonrpc":"2.0","id":1})").error.code, kInvalidRequest);
  EXPECT_EQ(fault_of(R"({"jsonrpc":"2.0","id":1,"result":1,"error":{}})").error.code, kInvalidRequest);
  EXPECT_EQ(fault_of("[]").error.code, kInvalidRequest);
}

TEST(JsonRpc, ItsLimitsHold) {
  EXPECT_THAT(fault_of(std::string(kMessageBytes + 1, ' ')).error.message, HasSubstr("limit"));
  EXPECT_THAT(
      fault_of(R"({"jsonrpc":"2.0","id":")" + std::string(kIdBytes + 1, 'x') + R"(","method":"ping"})").error.message,
      HasSubstr("256"));
  EXPECT_THAT(
      fault_of(R"({"jsonrpc":"2.0","id":1,"method":")" + std::string(kMethodBytes + 1, 'x') + R"("})").error.message,
      HasSubstr("128"));
  std::string batch = "[1";
  for (std::size_t i = 0; i < kBatchMessages; ++i) batch += ",1";
  EXPECT_THAT(fault_of(batch + "]").error.message, HasSubstr("at most 64"));
  EXPECT_EQ(fault_of(std::string(200, '[') + std::string(200, ']')).error.code, kParseError);
}

TEST(JsonRpc, IdsComeBackWithTheirType) {
  for (const char* id : {"7", "\"7\"", "-1", "\"\""}) {
    const auto request =
        std::get<RpcRequest>(message(fmt::format(R"({{"jsonrpc":"2.0","id":{},"method":"ping"}})", id)));
    EXPECT_EQ(to_json(encode_result(request.id, 1)), fmt::format(R"({{"jsonrpc":"2.0","id":{},"result":1}})", id));
  }
  EXPECT_EQ(to_json(encode_error(std::nullopt, {kParseError, "no", nullptr})),
            R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}})");
}

TEST(Protocol, VersionsDifferWhereTheyDiffer) {
  EXPECT_EQ(parse_version("2025-11-25"), Version::k2025_11_25);
  EXPECT_EQ(parse_version("2024-11-05"), std::nullopt);
  const ToolResult result{"text", false, {{"a", 1}}};
  EXPECT_FALSE(encode_tool_result(result, Version::k2025_03_26).contains("structuredContent"));
  EXPECT_TRUE(encode_tool_result(result, Version::k2025_06_18).contains("structuredContent"));
  EXPECT_TRUE(has_batches(Version::k2025_03_26));
  EXPECT_FALSE(has_batches(Version::k2025_06_18));
  EXPECT_EQ(to_json(unsupported_version("2026-07-28").data),
            R"({"supported":["2025-03-26","2025-06-18","2025-11-25"],"requested":"2026-07-28"})");
}

ServerSession fresh() { return ServerSession({{"remit", "Remit", "0.1.0"}, "Work towards the goal."}); }

json::object answer(ServerSession& session, std::string_view text) {
  auto next = session.receive(message(text));
  const auto* said = std::get_if<step::Answer>(&next);
  EXPECT_TRUE(said) << text;
  return said ? said->message : json::object();
}

std::string error_of(ServerSession& session, std::string_view text) {
  const auto said = answer(session, text);
  const auto* error = find_object(said, "error");
  return error ? fmt::format("{} {}", get_int(*error, "code"), get_string(*error, "message")) : to_json(said);
}

ServerSession ready(std::string_view version = "2025-11-25") {
  auto session = fresh();
  answer(
      session,
      fmt::format(
          R"({{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{}","capabilities":{{}}}}}})",
          version));
  session.receive(message(R"({"jsonrpc":"2.0","method":"notifications/initialized"})"));
  return session;
}

step::CallTool call(ServerSession& session, int id, std::string_view rest = "") {
  auto next = session.receive(message(fmt::format(
      R"({{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"files_read"{}}}}})", id, rest)));
  const auto* asked = std::get_if<step::CallTool>(&next);
  EXPECT_TRUE(asked);
  return asked ? *asked : step::CallTool{};
}

TEST(ServerSession, NegotiatesTheVersionAndBeginsOnce) {
  for (const auto& [asked, given] : {std::pair("2025-03-26", "2025-03-26"), std::pair("2025-06-18", "2025-06-18"),
                                     std::pair("2024-11-05", "2025-11-25")}) {
    auto session = fresh();
    const auto said =
        answer(session, fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{}",
        "capabilities":{{}},"clientInfo":{{"name":"test","version":"9"}}}}}})",
                                    asked));
    EXPECT_EQ(get_string(*find_object(said, "result"), "protocolVersion"), given);
    EXPECT_EQ(session.client().name, "test");
    EXPECT_THAT(error_of(session,
                         R"({"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2025-11-25"}})"),
                HasSubstr("begun already"));
  }
}

TEST(ServerSession, NothingButPingBeforeInitialize) {
  auto session = fresh();
  EXPECT_EQ(to_json(answer(session, R"({"jsonrpc":"2.0","id":"p","method":"ping"})")),
            R"({"jsonrpc":"2.0","id":"p","result":{}})");
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/list"})"),
              HasSubstr("send initialize first"));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"initialize"})"), HasSubstr("protocolVersion"));
}

TEST(ServerSession, UnknownMethodsNameTheNearest) {
  auto session = ready();
  EXPECT_EQ(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tool/list"})"),
            "-32601 there is no method 'tool/list' here; did you mean tools/list?");
}

TEST(ServerSession, ToolsComeInPagesWithCursors) {
  auto session = ready();
  const std::vector<ToolDescription> tools(kToolsPerPage * 2 + 5, ToolDescription{.name = "t"});
  std::size_t seen = 0, pages = 0;
  std::string cursor = "null";
  while (!cursor.empty()) {
    const auto next = session.receive(
        message(fmt::format(R"({{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"cursor":{}}}}})", cursor)));
    const auto page = session.tools_page(std::get<step::ListTools>(next), tools);
    const auto* result = find_object(page, "result");
    seen += find_array(*result, "tools")->size(), ++pages;
    const auto following = get_string(*result, "nextCursor");
    cursor = following.empty() ? "" : fmt::format("\"{}\"", following);
  }
  EXPECT_EQ(seen, tools.size());
  EXPECT_EQ(pages, 3u);
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"nonsense"}})"),
              HasSubstr("-32602"));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":3}})"),
              HasSubstr("-32602"));
}

TEST(ServerSession, CallsAreOpenUntilTheyEndAndBounded) {
  auto session = ready();
  const auto asked = call(session, 5, R"(,"arguments":{"path":"a"},"_meta":{"progressToken":"t"})");
  EXPECT_EQ(to_json(asked.arguments), R"({"path":"a"})");
  EXPECT_EQ(asked.progress_token, RequestId(std::string("t")));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"x"}})"),
              HasSubstr("under way"));
  session.ended(asked.id);
  EXPECT_EQ(session.open_calls(), 0u);
  for (std::size_t i = 0; i < kOpenRequests; ++i) call(session, static_cast<int>(i));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":"more","method":"tools/call","params":{"name":"x"}})"),
              HasSubstr("64 calls"));
}

TEST(ServerSession, WrongCallsAreProtocolErrors) {
  auto session = ready();
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})"), HasSubstr("-32602 name"));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":")" +
                                    std::string(kToolNameBytes + 1, 'x') + "\"}}"),
              HasSubstr("at most 128"));
  EXPECT_THAT(
      error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":[]}})"),
      HasSubstr("arguments"));
  EXPECT_THAT(
      error_of(session,
               R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":{}}}})"),
      HasSubstr("progressToken"));
  EXPECT_EQ(session.open_calls(), 0u);
}

TEST(ServerSession, CancellationReachesOpenCallsOnly) {
  auto session = ready();
  const auto asked = call(session, 5);
  const auto other =
      session.receive(message(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"5"}})"));
  EXPECT_TRUE(std::holds_alternative<step::Accepted>(other)) << "the id has another type";
  const auto next = session.receive(
      message(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"enough"}})"));
  ASSERT_TRUE(std::holds_alternative<step::Cancel>(next));
  EXPECT_EQ(std::get<step::Cancel>(next).reason, "enough");
  EXPECT_TRUE(session.is_cancelled(asked.id));
  session.ended(asked.id);
  EXPECT_FALSE(session.is_cancelled(asked.id));
}

TEST(ServerSession, LogMessagesAreForThoseWhoAskForThem) {
  auto session = ready();
  EXPECT_FALSE(session.wants_log(LogLevel::kEmergency));
  EXPECT_THAT(error_of(session, R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}})"),
              HasSubstr("known: debug"));
  answer(session, R"({"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"warning"}})");
  EXPECT_TRUE(session.wants_log(LogLevel::kError));
  EXPECT_FALSE(session.wants_log(LogLevel::kInfo));
}

}  // namespace
}  // namespace remit::mcp

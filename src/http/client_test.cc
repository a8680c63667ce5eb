#include "http/client.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>

#include "http/testing/support.h"

namespace remit::http {
namespace {

using testing::run_task;
using testing::ScriptedServer;
using testing::ServerThread;
using namespace std::chrono_literals;

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

Request get(std::string url) {
  Request request;
  request.url = std::move(url);
  return request;
}

Request post(std::string url, std::string body) {
  Request request = get(std::move(url));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

Task<> pause_for(std::chrono::milliseconds length) {
  asio::steady_timer timer(co_await asio::this_coro::executor, length);
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

Task<> handle(ServerRequest& request, ResponseWriter& response) {
  const std::string path(request.path());
  if (path == "/echo") {
    Result<std::string> body = co_await request.read_body();
    if (body) co_await response.send(200, "text/plain", *body);
  } else if (path == "/events") {
    co_await response.begin_sse();
    for (int i = 0; i < 5; ++i) {
      SseEvent event;
      event.data = std::to_string(i);
      co_await response.write_event(event);
      co_await pause_for(5ms);
    }
    co_await response.finish();
  } else if (path == "/hang") {
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, 30s);
    request.on_disconnect([timer] { timer->cancel(); });
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  } else if (path == "/stall") {
    co_await response.begin(200, {});
    co_await response.write("first");
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, 30s);
    request.on_disconnect([timer] { timer->cancel(); });
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
  } else if (path == "/cut") {
    co_await response.begin(200, {});
    co_await response.write("part");
  } else if (path == "/large") {
    co_await response.send(200, "text/plain", std::string(3u << 20, 'x'));
  } else if (path == "/host") {
    co_await response.send(200, "text/plain",
                           std::string(request.headers().get("Host")) + "|" + std::string(request.target()));
  } else {
    co_await response.send(404, "text/plain", "none");
  }
}

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() : server_([](ServerRequest& request, ResponseWriter& response) { return handle(request, response); }) {
    server_.start();
  }
  Client& client(ClientOptions options = {}) {
    client_ = std::make_unique<Client>(context_.get_executor(), std::move(options));
    return *client_;
  }
  Result<Response> fetch(Request request, CallOptions options = {}) {
    if (!client_) client();
    return run_task(context_, client_->fetch(std::move(request), std::move(options)));
  }
  Result<std::unique_ptr<ResponseStream>> open(Request request, CallOptions options = {}) {
    if (!client_) client();
    return run_task(context_, client_->open(std::move(request), std::move(options)));
  }
  asio::io_context context_{1};
  ServerThread server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ClientTest, FetchesAndKeepsTheConnection) {
  for (int i = 0; i < 5; ++i) {
    const Result<Response> response = fetch(post(server_.url("/echo"), "hello"));
    ASSERT_TRUE(response.has_value()) << response.error().to_string();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->headers.get("content-type"), "text/plain");
    EXPECT_EQ(response->body, "hello");
  }
  EXPECT_EQ(client_->stats().connects, 1u);
  EXPECT_EQ(client_->stats().idle, 1u);
  EXPECT_EQ(fetch(get(server_.url("/none")))->status, 404);
  EXPECT_EQ(fetch(get(server_.url("/host?a=b")))->body, fmt::format("127.0.0.1:{}|/host?a=b", server_.port()));
}

TEST_F(ClientTest, CarriesLargeBodiesBothWays) {
  const std::string large(5u << 20, 'y');
  EXPECT_EQ(fetch(post(server_.url("/echo"), large))->body, large);
  EXPECT_EQ(fetch(get(server_.url("/large")))->body.size(), 3u << 20);
  CallOptions options;
  options.max_body = 1u << 20;
  EXPECT_EQ(fetch(get(server_.url("/large")), options).error().code(), Code::kResourceExhausted);
  options.max_body = 3;
  EXPECT_EQ(fetch(get(server_.url("/events")), options).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(client_->stats().active, 0u);
}

TEST_F(ClientTest, HeadHasNoBody) {
  Request request = get(server_.url("/large"));
  request.method = "HEAD";
  const Result<Response> response = fetch(request);
  ASSERT_TRUE(response.has_value()) << response.error().to_string();
  EXPECT_EQ(response->headers.get("Content-Length"), std::to_string(3u << 20));
  EXPECT_EQ(response->body, "");
  EXPECT_EQ(client_->stats().idle, 1u);
}

Task<Result<std::vector<std::string>>> collect_events(Client* client, std::string url) {
  REMIT_CO_TRY(auto stream, co_await client->open(get(std::move(url))));
  SseParser parser;
  std::vector<std::string> events;
  for (;;) {
    REMIT_CO_TRY(const auto piece, co_await stream->read_some());
    if (!piece) co_return events;
    REMIT_CO_CHECK_OK(parser.push(*piece));
    while (auto event = parser.next()) events.push_back(event->data);
  }
}

TEST_F(ClientTest, StreamsEvents) {
  client();
  const auto events = run_task(context_, collect_events(client_.get(), server_.url("/events")));
  ASSERT_TRUE(events.has_value()) << events.error().to_string();
  EXPECT_EQ(*events, (std::vector<std::string>{"0", "1", "2", "3", "4"}));
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientTest, ACutStreamIsDataLoss) {
  auto stream = open(get(server_.url("/cut")));
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(run_task(context_, (*stream)->read_some()).value(), "part");
  EXPECT_EQ(run_task(context_, (*stream)->read_some()).error().code(), Code::kDataLoss);
  EXPECT_EQ(run_task(context_, (*stream)->read_some()).error().code(), Code::kDataLoss);
}

TEST_F(ClientTest, TimesOut) {
  CallOptions total;
  total.total = 100ms;
  EXPECT_EQ(fetch(get(server_.url("/hang")), total).error().code(), Code::kDeadlineExceeded);
  CallOptions first_byte;
  first_byte.first_byte = 100ms;
  EXPECT_EQ(fetch(get(server_.url("/hang")), first_byte).error().code(), Code::kDeadlineExceeded);
  CallOptions idle;
  idle.idle = 100ms;
  EXPECT_EQ(fetch(get(server_.url("/stall")), idle).error().code(), Code::kDeadlineExceeded);
  CallOptions deadline;
  deadline.deadline = SystemClock().steady_now() + 100ms;
  EXPECT_EQ(fetch(get(server_.url("/stall")), deadline).error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(client_->stats().active, 0u);
}

TEST_F(ClientTest, ConnectTimesOut) {
  // A socket whose queue of connections is full answers no further one.
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  std::vector<UniqueFd> fillers;
  for (int i = 0; i < 4; ++i) {
    fillers.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    ::connect(fillers.back().get(), reinterpret_cast<sockaddr*>(&address), size);
  }
  CallOptions options;
  options.connect = 150ms;
  const auto response = fetch(get(fmt::format("http://127.0.0.1:{}/", ntohs(address.sin_port))), options);
  EXPECT_EQ(response.error().code(), Code::kDeadlineExceeded) << response.error().to_string();
}

TEST_F(ClientTest, SaysWhyItCannotConnect) {
  UniqueFd unused(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(unused.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ::getsockname(unused.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const auto refused = fetch(get(fmt::format("http://127.0.0.1:{}/x?secret", ntohs(address.sin_port))));
  EXPECT_EQ(refused.error().code(), Code::kUnavailable);
  EXPECT_NE(refused.error().to_string().find("Connection refused"), std::string::npos) << refused.error().to_string();
  EXPECT_EQ(refused.error().to_string().find("secret"), std::string::npos);
  EXPECT_EQ(fetch(get("http://no-such-host.invalid/")).error().code(), Code::kUnavailable);
  Request nowhere = get("http://localhost/");
  nowhere.unix_socket = "/nonexistent/socket";
  EXPECT_EQ(fetch(nowhere).error().code(), Code::kUnavailable);
}

TEST_F(ClientTest, RefusesToSendWhatCouldBeForged) {
  Request request = get(server_.url("/echo"));
  request.headers.add("X", "a\r\nY: b");
  EXPECT_EQ(fetch(request).error().code(), Code::kInvalidArgument);
  for (const char* name : {"Host", "content-length", "Transfer-Encoding", "Connection", "bad name", ""}) {
    Request other = get(server_.url("/echo"));
    other.headers.add(name, "1");
    EXPECT_EQ(fetch(other).error().code(), Code::kInvalidArgument) << name;
  }
  Request method = get(server_.url("/echo"));
  method.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_EQ(fetch(method).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(fetch(get("ftp://h/")).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(server_.stats().requests, 0u);
}

TEST_F(ClientTest, RepeatsOnlyWhatAStaleConnectionLost) {
  // The first connection is closed right after its first answer was read, when the next request is on its way.
  auto script = [] { return std::vector<ScriptedServer::Connection>{{{kOk, ""}, true}, {{kOk}, true}}; };
  {
    ScriptedServer server(script());
    EXPECT_EQ(fetch(get(server.url()))->body, "ok");
    EXPECT_EQ(fetch(get(server.url()))->body, "ok");
    EXPECT_EQ(client_->stats().retries, 1u);
  }
  {
    ScriptedServer server(script());
    EXPECT_EQ(fetch(get(server.url()))->body, "ok");
    EXPECT_EQ(fetch(post(server.url(), "x")).error().code(), Code::kUnavailable);
    EXPECT_EQ(client_->stats().retries, 1u);
  }
  {
    ScriptedServer server(script());
    EXPECT_EQ(fetch(get(server.url()))->body, "ok");
    CallOptions options;
    options.replayable = true;
    EXPECT_EQ(fetch(post(server.url(), "x"), options)->body, "ok");
  }
  {
    // A fresh connection that breaks is no stale one.
    ScriptedServer server({{{""}, true}, {{kOk}, true}});
    EXPECT_EQ(fetch(get(server.url())).error().code(), Code::kUnavailable);
  }
  {
    // Nor is one that has begun to answer.
    ScriptedServer server({{{kOk, "HTTP/1.1 2"}, true}, {{kOk}, true}});
    EXPECT_EQ(fetch(get(server.url()))->body, "ok");
    EXPECT_EQ(fetch(get(server.url())).error().code(), Code::kDataLoss);
  }
}

TEST_F(ClientTest, RefusesAnswersThatAreAmbiguousOrHuge) {
  const std::string endless_head = "HTTP/1.1 200 OK\r\nX: " + std::string(kHeadBytes, 'x');
  std::string interim;
  for (std::size_t i = 0; i <= kInterimResponses; ++i) interim += "HTTP/1.1 102 Processing\r\n\r\n";
  for (const auto& [answer, code] : std::vector<std::pair<std::string, Code>>{
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", Code::kDataLoss},
           {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", Code::kDataLoss},
           {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", Code::kDataLoss},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", Code::kDataLoss},
           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", Code::kDataLoss},
           {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", Code::kDataLoss},
           {"SSH-2.0-OpenSSH\r\n\r\n", Code::kDataLoss},
           {endless_head, Code::kResourceExhausted},
           {interim + kOk, Code::kResourceExhausted}}) {
    ScriptedServer server({{{answer}, true}});
    const auto response = fetch(get(server.url()));
    ASSERT_FALSE(response.has_value()) << answer;
    EXPECT_EQ(response.error().code(), code) << answer << response.error().to_string();
  }
}

TEST_F(ClientTest, SkipsInterimAnswersAndReadsToTheClose) {
  ScriptedServer server({{{"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\nto the end"}, true}});
  EXPECT_EQ(fetch(get(server.url()))->body, "to the end");
  EXPECT_EQ(client_->stats().idle, 0u);
}

TEST_F(ClientTest, DoesNotKeepAConnectionWithUnaskedBytes) {
  ScriptedServer server(
      {{{std::string(kOk) + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"}, true}, {{kOk}, true}});
  EXPECT_EQ(fetch(get(server.url()))->body, "ok");
  EXPECT_EQ(client_->stats().idle, 0u);
  EXPECT_EQ(fetch(get(server.url()))->body, "ok");
}

TEST_F(ClientTest, BoundsConnectionsPerOrigin) {
  ClientOptions options;
  options.connections_per_origin = 2;
  client(options);
  auto first = open(get(server_.url("/stall")));
  auto second = open(get(server_.url("/stall")));
  CallOptions call;
  call.connect = 100ms;
  const auto third = fetch(get(server_.url("/none")), call);
  EXPECT_EQ(third.error().code(), Code::kDeadlineExceeded);
  second->reset();
  EXPECT_EQ(fetch(get(server_.url("/none")))->status, 404);
  first->reset();
  EXPECT_EQ(client_->stats().active, 0u);
}

Task<bool> fetch_many(Client* client, std::string url, std::shared_ptr<int> done, int count) {
  for (int i = 0; i < count; ++i) {
    const auto response = co_await client->fetch(get(url));
    EXPECT_TRUE(response.has_value());
  }
  ++*done;
  co_return true;
}

TEST_F(ClientTest, CallsShareTheConnectionsThereAre) {
  ClientOptions options;
  options.connections_per_origin = 3;
  client(options);
  auto done = std::make_shared<int>(0);
  for (int i = 0; i < 20; ++i) {
    asio::co_spawn(context_, fetch_many(client_.get(), server_.url("/none"), done, 20),
                   [](std::exception_ptr, bool) {});
  }
  context_.restart();
  while (*done < 20 && context_.run_one_for(10s) > 0) {
  }
  EXPECT_EQ(*done, 20);
  EXPECT_LE(client_->stats().connects, 3u);
}

TEST_F(ClientTest, IdleConnectionsEnd) {
  ClientOptions options;
  options.idle_timeout = 50ms;
  client(options);
  ASSERT_TRUE(fetch(get(server_.url("/none"))).has_value());
  ASSERT_TRUE(server_.eventually([](const ServerStats& stats) { return stats.connections == 1; }));
  context_.restart();
  context_.run_for(200ms);
  ASSERT_TRUE(server_.eventually([](const ServerStats& stats) { return stats.connections == 0; }));
}

TEST_F(ClientTest, CancelsFromOutside) {
  auto stream = open(get(server_.url("/stall")));
  ASSERT_TRUE(stream.has_value());
  EXPECT_TRUE(run_task(context_, (*stream)->read_some()).has_value());
  asio::post(context_, [&] { (*stream)->cancel(); });
  EXPECT_EQ(run_task(context_, (*stream)->read_some()).error().code(), Code::kCancelled);
  stream->reset();
  ASSERT_TRUE(server_.eventually([](const ServerStats& stats) { return stats.connections == 0; }));
}

TEST_F(ClientTest, HeedsAsioCancellation) {
  client();
  for (const char* path : {"/hang", "/stall"}) {
    asio::cancellation_signal signal;
    std::optional<Result<Response>> result;
    bool threw = false;
    auto ended = [&](std::exception_ptr failure, Result<Response> response) {
      threw = failure != nullptr;
      result.emplace(std::move(response));
    };
    asio::co_spawn(context_, client_->fetch(get(server_.url(path))),
                   asio::bind_cancellation_slot(signal.slot(), ended));
    context_.restart();
    context_.run_for(100ms);
    ASSERT_FALSE(result.has_value());
    signal.emit(asio::cancellation_type::terminal);
    context_.run_for(1s);
    ASSERT_TRUE(result.has_value());
    EXPECT_FALSE(threw);
    EXPECT_EQ(result->error().code(), Code::kCancelled) << result->error().to_string();
  }
  EXPECT_EQ(client_->stats().active, 0u);
}

TEST_F(ClientTest, ChecksTheAddressThatItDials) {
  ClientOptions options;
  std::vector<std::string> asked;
  options.address_check = [&](const std::string& address, std::uint16_t) -> Result<> {
    asked.push_back(address);
    return fail(Code::kPermissionDenied, address + " is not allowed");
  };
  client(options);
  EXPECT_EQ(fetch(get(server_.url("/none"))).error().code(), Code::kPermissionDenied);
  EXPECT_EQ(asked, std::vector<std::string>{"127.0.0.1"});
  EXPECT_EQ(server_.stats().accepted, 0u);
}

Task<Result<UniqueFd>> dial_elsewhere(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    co_return fail(errno_error("connect", errno));
  co_return fd;
}

TEST_F(ClientTest, DialsThroughAConnector) {
  ClientOptions options;
  options.connector = [port = server_.port()](Url, SteadyTime) { return dial_elsewhere(port); };
  client(options);
  EXPECT_EQ(fetch(get("http://example.net/host"))->body, "example.net|/host");
}

TEST_F(ClientTest, BoundsWaitingCalls) {
  ClientOptions options;
  options.connections_per_origin = 1;
  client(options);
  auto holding = open(get(server_.url("/stall")));
  ASSERT_TRUE(holding.has_value());
  int refused = 0;
  int answered = 0;
  for (std::size_t i = 0; i < kWaitersPerOrigin + 3; ++i) {
    asio::co_spawn(context_, client_->fetch(get(server_.url("/none"))),
                   [&](std::exception_ptr, Result<Response> response) {
                     response ? ++answered : ++refused;
                     if (!response) EXPECT_EQ(response.error().code(), Code::kResourceExhausted);
                   });
  }
  context_.restart();
  while (refused < 3 && context_.run_one_for(10s) > 0) {
  }
  EXPECT_EQ(refused, 3);
  holding->reset();
  while (answered < int(kWaitersPerOrigin) && context_.run_one_for(10s) > 0) {
  }
  EXPECT_EQ(answered, int(kWaitersPerOrigin));
}

TEST_F(ClientTest, BoundsOriginsInUse) {
  ClientOptions options;
  options.connector = [port = server_.port()](Url, SteadyTime) { return dial_elsewhere(port); };
  client(options);
  std::vector<std::unique_ptr<ResponseStream>> streams;
  for (std::size_t i = 0; i < kOrigins; ++i) {
    auto stream = open(get(fmt::format("http://h{}/stall", i)));
    ASSERT_TRUE(stream.has_value()) << stream.error().to_string();
    streams.push_back(std::move(*stream));
  }
  EXPECT_EQ(fetch(get("http://one-more/none")).error().code(), Code::kResourceExhausted);
  streams.pop_back();
  EXPECT_EQ(fetch(get("http://one-more/none"))->status, 404);
}

TEST_F(ClientTest, BoundsIdleConnections) {
  ClientOptions options;
  options.idle_per_origin = 1;
  client(options);
  auto first = open(get(server_.url("/events")));
  auto second = open(get(server_.url("/events")));
  EXPECT_TRUE(run_task(context_, (*first)->read_all()).has_value());
  EXPECT_TRUE(run_task(context_, (*second)->read_all()).has_value());
  EXPECT_EQ(client_->stats().connects, 2u);
  EXPECT_EQ(client_->stats().idle, 1u);
}

TEST_F(ClientTest, BoundsNameLookUps) {
  client();
  std::size_t ended = 0;
  std::size_t refused = 0;
  for (std::size_t i = 0; i <= kConcurrentResolves; ++i) {
    // Each its own origin, or the pool would bound them first.
    asio::co_spawn(context_, client_->fetch(get(fmt::format("http://h{}.invalid/", i))),
                   [&](std::exception_ptr, Result<Response> response) {
                     ++ended;
                     if (!response && response.error().code() == Code::kResourceExhausted) ++refused;
                   });
  }
  context_.restart();
  while (ended <= kConcurrentResolves && context_.run_one_for(20s) > 0) {
  }
  EXPECT_EQ(refused, 1u);
}

TEST(Lifetime, EverythingMayEndMidway) {
  // Server, client and io_context go while a handler waits and a call reads; the sanitizer build looks for what is
  // left.
  auto context = std::make_unique<asio::io_context>(1);
  auto server = std::make_unique<Server>(
      context->get_executor(), ServerOptions{},
      [](ServerRequest& request, ResponseWriter& response) { return handle(request, response); });
  const auto port = server->listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(port.has_value());
  auto client = std::make_unique<Client>(context->get_executor());
  for (const char* path : {"/hang", "/stall"}) {
    asio::co_spawn(*context, client->fetch(get(fmt::format("http://127.0.0.1:{}{}", *port, path))),
                   [](std::exception_ptr, Result<Response>) {});
  }
  context->run_for(100ms);
  EXPECT_EQ(server->stats().busy, 2u);
  client.reset();
  server.reset();
  context.reset();
}

TEST_F(ClientTest, CallsOverUnixSockets) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("remit-client-{}.sock", ::getpid())).string();
  ASSERT_TRUE(server_.ask([&] { return server_.server().listen_unix(path); }).has_value());
  Request request = get("http://localhost/host");
  request.unix_socket = path;
  EXPECT_EQ(fetch(request)->body, "localhost|/host");
  EXPECT_EQ(fetch(request)->body, "localhost|/host");
  EXPECT_EQ(client_->stats().connects, 1u);
  request.url = "https://localhost/";
  EXPECT_EQ(fetch(request).error().code(), Code::kInvalidArgument);
}

TEST_F(ClientTest, StreamsOutliveTheirClient) {
  auto stream = open(get(server_.url("/events")));
  ASSERT_TRUE(stream.has_value());
  client_.reset();
  EXPECT_TRUE(run_task(context_, (*stream)->read_all()).has_value());
}

}  // namespace
}  // namespace remit::http

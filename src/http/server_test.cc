#include "http/server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <boost/asio/steady_timer.hpp>
#include <filesystem>

#include "http/testing/support.h"

namespace remit::http {
namespace {

using testing::RawPeer;
using testing::ServerThread;
using namespace std::chrono_literals;

Task<> pause_for(Duration length) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           std::chrono::duration_cast<std::chrono::milliseconds>(length));
  co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

struct Seen {
  std::atomic<int> disconnects = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> write_errors = 0;
};

// One handler for all tests; the path says what it does.
Task<> handle(std::shared_ptr<Seen> seen, ServerRequest& request, ResponseWriter& response) {
  const std::string path(request.path());
  if (path == "/echo") {
    Result<std::string> body = co_await request.read_body();
    if (body) co_await response.send(200, "text/plain", *body);
  } else if (path == "/pieces") {
    std::size_t total = 0;
    for (;;) {
      const auto piece = co_await request.read_some();
      if (!piece) co_return;
      if (!*piece) break;
      total += (*piece)->size();
    }
    co_await response.send(200, "text/plain", std::to_string(total));
  } else if (path == "/stream") {
    co_await response.begin(200, {{"Content-Type", "text/plain"}});
    for (const char* part : {"one", "", "two", "three"}) co_await response.write(part);
    co_await response.finish();
  } else if (path == "/sse") {
    co_await response.begin_sse();
    for (int i = 0; i < 3; ++i) {
      SseEvent event;
      event.data = "event " + std::to_string(i);
      co_await response.write_event(event);
    }
    co_await response.finish();
  } else if (path == "/length") {
    co_await response.begin(200, {}, 5);
    EXPECT_FALSE((co_await response.write("too long")).has_value());
    co_await response.write("12345");
    co_await response.finish();
  } else if (path == "/unfinished") {
    co_await response.begin(200, {});
    co_await response.write("part");
  } else if (path == "/throw") {
    throw std::runtime_error("a handler's bug");
  } else if (path == "/nothing") {
    co_return;
  } else if (path == "/forge") {
    EXPECT_FALSE((co_await response.send({200, {{"X", "a\r\nSet-Cookie: b"}}, ""})).has_value());
    EXPECT_FALSE((co_await response.send({200, {{"X Y", "a"}}, ""})).has_value());
    co_await response.send({200, {{"Content-Length", "99"}, {"Transfer-Encoding", "gzip"}, {"X", "fine"}}, "ok"});
  } else if (path == "/endless") {
    const std::string block(64u << 10, 'x');
    co_await response.begin(200, {});
    while ((co_await response.write(block)).has_value()) {
    }
    ++seen->write_errors;
  } else if (path == "/wait") {
    auto timer = std::make_shared<asio::steady_timer>(co_await asio::this_coro::executor, 30s);
    request.on_disconnect([seen, timer] {
      ++seen->disconnects;
      timer->cancel();
    });
    co_await timer->async_wait(asio::as_tuple(asio::use_awaitable));
    if (!request.disconnected()) co_await response.send(200, "text/plain", "waited");
  } else if (path == "/slow") {
    co_await response.begin(200, {});
    co_await response.write("begun.");
    co_await pause_for(300ms);
    co_await response.write("ended.");
    co_await response.finish();
  } else if (path == "/peer") {
    const Peer& peer = request.peer();
    co_await response.send(200, "text/plain", fmt::format("{}|{}|{}", peer.label, peer.uid ? "uid" : "", peer.address));
  } else if (path == "/empty") {
    co_await response.send(204, "", "");
  } else {
    co_await response.send(404, "text/plain", "none");
  }
  ++seen->ended;
}

class ServerTest : public ::testing::Test {
 protected:
  ServerThread& run(ServerOptions options = {}) {
    server_ = std::make_unique<ServerThread>(
        [seen = seen_](ServerRequest& request, ResponseWriter& response) { return handle(seen, request, response); },
        std::move(options));
    server_->start();
    return *server_;
  }
  // Sends `bytes`, half-closes and returns all that comes.
  std::string talk(std::string_view bytes) {
    RawPeer peer = server_->dial();
    peer.send(bytes);
    peer.half_close();
    return peer.read_to_end();
  }
  std::shared_ptr<Seen> seen_ = std::make_shared<Seen>();
  std::unique_ptr<ServerThread> server_;
};

std::string get(std::string_view path, std::string_view fields = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n{}\r\n", path, fields);
}

std::string body_of(const std::string& answer) {
  const std::size_t at = answer.find("\r\n\r\n");
  return at == std::string::npos ? "<no body>" : answer.substr(at + 4);
}

TEST_F(ServerTest, AnswersWhole) {
  run();
  const std::string answer = talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\nDate: ")) << answer;
  EXPECT_NE(answer.find("\r\nContent-Length: 5\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "hello");
}

TEST_F(ServerTest, ReadsChunkedBodies) {
  run();
  const std::string answer =
      talk("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(answer), "hello!");
}

TEST_F(ServerTest, StreamsInChunks) {
  run();
  EXPECT_EQ(body_of(talk(get("/stream"))), "3\r\none\r\n3\r\ntwo\r\n5\r\nthree\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(talk("GET /stream HTTP/1.0\r\n\r\n")), "onetwothree");
  const std::string sse = talk(get("/sse"));
  EXPECT_NE(sse.find("Content-Type: text/event-stream\r\n"), std::string::npos);
  EXPECT_NE(sse.find("data: event 2\n\n"), std::string::npos);
  EXPECT_EQ(body_of(talk(get("/length"))), "12345");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  run();
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    const std::string body = std::to_string(i);
    requests += fmt::format("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{}", body.size(), body);
  }
  const std::string answer = talk(requests + get("/none", "Connection: close\r\n") + get("/never"));
  std::size_t at = 0;
  for (int i = 0; i < 50; ++i) {
    at = answer.find(fmt::format("\r\n\r\n{}HTTP/1.1", i), at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_TRUE(answer.ends_with("Connection: close\r\n\r\nnone"));
}

TEST_F(ServerTest, AnswersHeadWithoutBody) {
  run();
  RawPeer peer = server_->dial();
  peer.send("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n" + get("/empty"));
  peer.half_close();
  const std::string answer = peer.read_to_end();
  EXPECT_NE(answer.find("Content-Length: 0\r\n\r\nHTTP/1.1 200"), std::string::npos);
  EXPECT_NE(answer.find("Transfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 No Content\r\n"), std::string::npos);
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

TEST_F(ServerTest, Continues) {
  run();
  RawPeer peer = server_->dial();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  peer.send(head);
  EXPECT_EQ(peer.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.send("ok");
  EXPECT_TRUE(peer.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
  EXPECT_EQ(peer.read_until("ok"), "ok");
  // A handler that does not want the body answers, and the connection ends: nobody knows whether the body follows.
  peer.send("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = peer.read_to_end();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, RefusesBadHeadsAndCloses) {
  run();
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, std::string>>{
           {"GET / HTTP/1.1\r\n\r\n", "400"},
           {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
           {"\x16\x03\x01\x02\r\n\r\n", "400"},
           {"GET / HTTP/3.0\r\nHost: a\r\n\r\n", "505"},
           {get("/", "X: " + std::string(kHeadBytes, 'x') + "\r\n"), "431"},
           {"GET /" + std::string(kHeadBytes, 'x'), "431"}}) {
    const std::string answer = talk(bytes + get("/smuggled"));
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << answer;
    EXPECT_NE(answer.find("Connection: close"), std::string::npos);
    EXPECT_EQ(answer.find("\nHTTP/1.1 "), std::string::npos) << "a second answer: " << answer;
  }
  EXPECT_EQ(seen_->ended, 0);
}

TEST_F(ServerTest, BoundsBodies) {
  ServerOptions options;
  options.limits.body_bytes = 1000;
  run(options);
  EXPECT_TRUE(talk("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n").starts_with("HTTP/1.1 413"));
  std::string chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30; ++i) chunked += "64\r\n" + std::string(100, 'x') + "\r\n";
  EXPECT_TRUE(talk(chunked + "0\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(
      talk("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").starts_with("HTTP/1.1 400"));
  const std::string endless =
      "POST /pieces HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'x');
  EXPECT_EQ(body_of(talk(endless)), "1000");
}

TEST_F(ServerTest, DrainsSmallUnreadBodiesAndClosesOnLargeOnes) {
  run();
  const std::string small = "POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" + get("/none");
  const std::string answers = talk(small);
  EXPECT_NE(answers.find("HTTP/1.1 404", 10), std::string::npos) << "the second request was not answered";
  const std::string large = fmt::format("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 20u << 20);
  RawPeer peer = server_->dial();
  peer.send(large);
  peer.send(std::string(1u << 20, 'x'));
  EXPECT_NE(peer.read_until("none").find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, SlowHeadsTimeOut) {
  ServerOptions options;
  options.timeouts.head = 150ms;
  options.timeouts.idle = 100ms;
  run(options);
  RawPeer slow = server_->dial();
  std::thread drip([&] {
    for (const char c : std::string("GET / HTTP/1.1\r\nHost: abcdefghijklm")) {
      slow.send({&c, 1});
      std::this_thread::sleep_for(20ms);
    }
  });
  EXPECT_TRUE(slow.read_to_end().starts_with("HTTP/1.1 408"));
  drip.join();
  RawPeer silent = server_->dial();
  EXPECT_EQ(silent.read_to_end(), "");
  RawPeer idle = server_->dial();
  idle.send(get("/none"));
  EXPECT_TRUE(idle.read_to_end().ends_with("none"));
}

TEST_F(ServerTest, SlowBodiesTimeOut) {
  ServerOptions options;
  options.timeouts.body_gap = 100ms;
  options.timeouts.body_total = 250ms;
  run(options);
  RawPeer stuck = server_->dial();
  stuck.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx");
  EXPECT_TRUE(stuck.read_to_end().starts_with("HTTP/1.1 408"));
  RawPeer dripping = server_->dial();
  dripping.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  std::thread drip([&] {
    for (int i = 0; i < 20; ++i) {
      dripping.send("x");
      std::this_thread::sleep_for(30ms);
    }
  });
  EXPECT_TRUE(dripping.read_to_end().starts_with("HTTP/1.1 408"));
  drip.join();
}

TEST_F(ServerTest, ReadersThatStopReadingTimeOut) {
  ServerOptions options;
  options.timeouts.write = 100ms;
  run(options);
  RawPeer peer = server_->dial();
  peer.send(get("/endless"));
  ASSERT_TRUE(server_->eventually(
      [&](const ServerStats& stats) { return seen_->write_errors == 1 && stats.connections == 0; }));
}

TEST_F(ServerTest, TellsHandlersThatTheClientWent) {
  run();
  RawPeer peer = server_->dial();
  peer.send(get("/wait"));
  ASSERT_TRUE(server_->eventually([](const ServerStats& stats) { return stats.busy == 1; }));
  peer.close();
  ASSERT_TRUE(
      server_->eventually([&](const ServerStats& stats) { return seen_->disconnects == 1 && stats.connections == 0; }));
  RawPeer streaming = server_->dial();
  streaming.send(get("/endless"));
  streaming.read_until("xxxx");
  streaming.close();
  ASSERT_TRUE(server_->eventually([&](const ServerStats&) { return seen_->write_errors == 1; }));
}

TEST_F(ServerTest, WatchingKeepsPipelinedRequests) {
  run();
  RawPeer peer = server_->dial();
  peer.send(get("/wait"));
  ASSERT_TRUE(server_->eventually([](const ServerStats& stats) { return stats.busy == 1; }));
  peer.send(get("/none"));
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(seen_->disconnects, 0);
  peer.close();
  ASSERT_TRUE(
      server_->eventually([&](const ServerStats& stats) { return seen_->disconnects == 1 && stats.connections == 0; }));
}

TEST_F(ServerTest, AnswersAHalfClosedClient) {
  run();
  EXPECT_TRUE(talk(get("/slow")).ends_with("6\r\nbegun.\r\n6\r\nended.\r\n0\r\n\r\n"));
}

TEST_F(ServerTest, HandlersThatFailDoNotLookLikeSuccess) {
  run();
  EXPECT_TRUE(talk(get("/throw")).starts_with("HTTP/1.1 500"));
  EXPECT_TRUE(talk(get("/nothing")).starts_with("HTTP/1.1 500"));
  EXPECT_EQ(body_of(talk(get("/unfinished"))), "4\r\npart\r\n");
  const std::string answer = talk(get("/forge"));
  EXPECT_EQ(answer.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(answer.find("99"), std::string::npos);
  EXPECT_NE(answer.find("X: fine\r\n"), std::string::npos);
  EXPECT_EQ(body_of(answer), "ok");
}

TEST_F(ServerTest, LimitsConnections) {
  ServerOptions options;
  options.limits.connections = 2;
  run(options);
  RawPeer first = server_->dial();
  first.send(get("/wait"));
  RawPeer second = server_->dial();
  second.send(get("/wait"));
  ASSERT_TRUE(server_->eventually([](const ServerStats& stats) { return stats.busy == 2; }));
  RawPeer third = server_->dial();
  EXPECT_TRUE(third.read_until("\r\n\r\n").starts_with("HTTP/1.1 503"));
  second.close();
  ASSERT_TRUE(server_->eventually([](const ServerStats& stats) { return stats.busy == 1; }));
  // An idle connection makes room.
  RawPeer idle = server_->dial();
  idle.send(get("/none"));
  idle.read_until("none");
  EXPECT_TRUE(talk(get("/none")).starts_with("HTTP/1.1 404"));
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_GE(server_->stats().refused_connections, 1u);
}

TEST_F(ServerTest, LimitsRequestsPerConnection) {
  ServerOptions options;
  options.limits.requests_per_connection = 2;
  run(options);
  const std::string answers = talk(get("/none") + get("/none") + get("/none"));
  EXPECT_TRUE(answers.ends_with("Connection: close\r\n\r\nnone"));
  EXPECT_EQ(server_->stats().requests, 2u);
}

TEST_F(ServerTest, ShutsDownGracefully) {
  run();
  RawPeer idle = server_->dial();
  idle.send(get("/none"));
  idle.read_until("none");
  RawPeer streaming = server_->dial();
  streaming.send(get("/slow"));
  streaming.read_until("begun.");
  std::future<void> down = server_->begin_shutdown(10s);
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_TRUE(streaming.read_to_end().ends_with("ended.\r\n0\r\n\r\n"));
  down.get();
  UniqueFd late(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server_->port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_NE(::connect(late.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
}

TEST_F(ServerTest, ShutdownCutsWhatDoesNotEnd) {
  run();
  RawPeer waiting = server_->dial();
  waiting.send(get("/wait"));
  ASSERT_TRUE(server_->eventually([](const ServerStats& stats) { return stats.busy == 1; }));
  const auto start = std::chrono::steady_clock::now();
  server_->begin_shutdown(100ms).get();
  EXPECT_LT(std::chrono::steady_clock::now() - start, 4s);
  EXPECT_EQ(seen_->disconnects, 1);
  EXPECT_EQ(waiting.read_to_end(), "");
}

TEST_F(ServerTest, ServesUnixSocketsAndInheritedOnes) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("remit-http-{}.sock", ::getpid())).string();
  run();
  auto listen = [&] { return server_->ask([&] { return server_->server().listen_unix(path, "door"); }); };
  ASSERT_TRUE(listen().has_value());
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(listen().error().code(), Code::kAlreadyExists);

  auto dial = [&] {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return RawPeer(std::move(fd));
  };
  RawPeer peer = dial();
  peer.send(get("/peer", "Connection: close\r\n"));
  EXPECT_EQ(body_of(peer.read_to_end()), "door|uid|");

  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ASSERT_TRUE(server_->ask([&] { return server_->server().serve_fd(UniqueFd(pair[0]), "sandbox 7"); }).has_value());
  RawPeer inherited{UniqueFd(pair[1])};
  inherited.send(get("/peer", "Connection: close\r\n"));
  EXPECT_EQ(body_of(inherited.read_to_end()), "sandbox 7|uid|");
  EXPECT_TRUE(body_of(talk(get("/peer"))).starts_with("loopback||127.0.0.1:"));

  server_->stop();
  EXPECT_NE(::stat(path.c_str(), &status), 0) << "the socket file is still there";
}

TEST_F(ServerTest, ReplacesOnlyDeadSockets) {
  const std::string path =
      (std::filesystem::temp_directory_path() / fmt::format("remit-http-dead-{}.sock", ::getpid())).string();
  run();
  auto listen = [&] { return server_->ask([&] { return server_->server().listen_unix(path); }); };
  {
    UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
    EXPECT_EQ(listen().error().code(), Code::kAlreadyExists);
  }
  EXPECT_TRUE(listen().has_value());
  server_->stop();
  {
    UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  run();
  EXPECT_EQ(listen().error().code(), Code::kAlreadyExists);
  std::filesystem::remove(path);
  EXPECT_EQ(server_->ask([&] { return server_->server().listen_unix(std::string(200, 'x')); }).error().code(),
            Code::kInvalidArgument);
  EXPECT_FALSE(server_->ask([&] { return server_->server().listen_tcp("localhost", 0); }).has_value());
}

}  // namespace
}  // namespace remit::http

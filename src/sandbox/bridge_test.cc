#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;
using BridgeTest = testing::SandboxTest;

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);

// Answers each connection once with what it said.
Task<> serve(Process* process, int* served) {
  for (;;) {
    auto connection = co_await process->accept_bridge();
    if (!connection) co_return;
    char buffer[64];
    const auto [read_error, size] = co_await connection->async_read_some(asio::buffer(buffer), kWait);
    if (read_error) continue;
    co_await asio::async_write(*connection, asio::buffer("echo " + std::string(buffer, size)), kWait);
    ++*served;
  }
}

Task<Outcome> run_bridged(Launcher* launcher, Spec spec, bool with_server, int* served) {
  Outcome outcome;
  auto process = co_await launcher->start(std::move(spec));
  if (!process) {
    outcome.error = process.error();
    co_return outcome;
  }
  bool ended = !with_server;
  if (with_server) {
    asio::co_spawn(co_await asio::this_coro::executor, serve(process->get(), served),
                   [&ended](std::exception_ptr) { ended = true; });
  }
  while (auto chunk = co_await (*process)->next_output())
    (chunk->stream == Stream::kStdout ? outcome.out : outcome.err) += chunk->bytes;
  outcome.report = co_await (*process)->wait();
  while (!ended) co_await asio::post(asio::use_awaitable);
  co_return outcome;
}

TEST_F(BridgeTest, ConnectsTheCommandWithItsDaemon) {
  Spec spec = python(R"(
import socket
for i in range(20):
    s = socket.create_connection(('127.0.0.1', 8080))
    s.sendall(b'hello %d' % i)
    print(s.recv(100).decode())
)");
  spec.bridge_port = 8080;
  int served = 0;
  const Outcome outcome = testing::run(io_, run_bridged(launcher_.get(), std::move(spec), true, &served));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_THAT(outcome.out, HasSubstr("echo hello 19")) << outcome.err;
  EXPECT_EQ(served, 20);
}

TEST_F(BridgeTest, BoundsWhatWaits) {
  Spec spec = python(R"(
import socket
kept, closed = [], 0
for i in range(300):
    s = socket.create_connection(('127.0.0.1', 80)); s.settimeout(0.05); kept.append(s)
for s in kept:
    try: closed += s.recv(1) == b''
    except ConnectionResetError: closed += 1
    except socket.timeout: pass
print(closed)
)");
  spec.bridge_port = 80;
  int served = 0;
  const Outcome outcome = testing::run(io_, run_bridged(launcher_.get(), std::move(spec), false, &served));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  const int closed = std::atoi(outcome.out.c_str());
  EXPECT_GE(closed, 300 - 4 * static_cast<int>(limits::kBridgeBacklog)) << outcome.out << outcome.err;
  EXPECT_LE(closed, 300 - static_cast<int>(limits::kBridgeBacklog) / 4) << outcome.out;
}

TEST_F(BridgeTest, NeedsAPort) {
  auto accept = [](Launcher* launcher, Spec spec) -> Task<Code> {
    auto process = co_await launcher->start(std::move(spec));
    if (!process) co_return Code::kInternal;
    auto connection = co_await (*process)->accept_bridge();
    co_return connection ? Code::kInternal : connection.error().code();
  };
  EXPECT_EQ(testing::run(io_, accept(launcher_.get(), command({"sleep", "1"}))), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace remit::sandbox

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <fstream>

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

class OverlayRunTest : public testing::SandboxTest {
 protected:
  void SetUp() override {
    SandboxTest::SetUp();
    root_ = "/tmp/remit-overlay-" + std::to_string(::getpid());
    for (const char* name : {"lower", "upper", "work"}) std::filesystem::create_directories(root_ + "/" + name);
    std::ofstream(root_ + "/lower/a.txt") << "from below";
    std::ofstream(root_ + "/lower/b.txt") << "to go";
  }
  void TearDown() override {
    SandboxTest::TearDown();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  Spec in_workspace(std::string script, std::string target = "/work") {
    Spec spec = shell(std::move(script));
    spec.mounts.overlays.push_back({{root_ + "/lower"}, root_ + "/upper", root_ + "/work", target, true, true});
    spec.cwd = std::move(target);
    return spec;
  }
  std::string root_;
};

TEST_F(OverlayRunTest, KeepsChangesApart) {
  const Outcome outcome = run_spec(in_workspace("cat a.txt; echo more >> a.txt; echo new > c.txt; rm b.txt; ls"));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_EQ(outcome.out, "from belowa.txt\nc.txt\n") << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(root_ + "/upper/c.txt"));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/lower/b.txt"));
  EXPECT_EQ(std::filesystem::file_size(root_ + "/lower/a.txt"), 10u);
}

TEST_F(OverlayRunTest, MountsWhereTheUserKnowsIt) {
  const Outcome outcome =
      run_spec(in_workspace("pwd; cat a.txt; ls -A /home /home/someone; touch /home/x", "/home/someone/project"));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_THAT(outcome.out, HasSubstr("/home/someone/project\nfrom below"));
  EXPECT_THAT(outcome.err, HasSubstr("Read-only file system"));
  EXPECT_THAT(run_spec(shell("ls -A /home")).out, ::testing::Not(HasSubstr("someone")))
      << "the next sandbox learns nothing of it";
}

TEST_F(OverlayRunTest, HidesTheHostPathsOfItsLayers) {
  const Outcome outcome = run_spec(in_workspace("cat /proc/self/mountinfo"));
  EXPECT_THAT(outcome.out, HasSubstr("overlay"));
  EXPECT_THAT(outcome.out, ::testing::Not(HasSubstr("remit-overlay")));
}

TEST_F(OverlayRunTest, BindsReadOnly) {
  Spec spec = in_workspace("cat /mnt/check/a.txt; echo x > /mnt/check/a.txt; cat a.bind");
  spec.mounts.binds.push_back({root_ + "/lower", "/mnt/check"});
  spec.mounts.binds.push_back({root_ + "/lower/a.txt", "/work/a.bind"});
  const Outcome outcome = run_spec(std::move(spec));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_EQ(outcome.out, "from belowfrom below");
  EXPECT_THAT(outcome.err, HasSubstr("Read-only file system"));
}

TEST_F(OverlayRunTest, RunsAsTheWorkspacesOwner) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  for (const char* name : {"/lower", "/upper", "/lower/a.txt"})
    ASSERT_EQ(::chown((root_ + name).c_str(), 54321, 54322), 0);
  const Outcome outcome = run_spec(in_workspace("echo x > mine; stat -c %u:%g mine a.txt"));
  EXPECT_EQ(outcome.out, "1000:1000\n1000:1000\n") << outcome.err;
}

}  // namespace
}  // namespace remit::sandbox

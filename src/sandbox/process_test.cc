#include <fcntl.h>
#include <sys/socket.h>

#include "sandbox/testing/sandbox_fixture.h"

namespace remit::sandbox {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;
using ProcessTest = testing::SandboxTest;

TEST_F(ProcessTest, EchoesAndMeasures) {
  const Outcome outcome = run_spec(command({"echo", "hello"}));
  ASSERT_FALSE(outcome.error) << outcome.error->to_string();
  EXPECT_EQ(outcome.out, "hello\n");
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(outcome.report.ended_by, EndedBy::kExit) << outcome.report.detail;
  EXPECT_EQ(outcome.report.exit_code, 0);
  EXPECT_GT(outcome.report.create_us, 0);
  EXPECT_LT(outcome.report.create_us, 2'000'000);
}

TEST_F(ProcessTest, GivesExitCodesAndSignals) {
  EXPECT_EQ(run_spec(shell("exit 7")).report.exit_code, 7);
  const Outcome killed = run_spec(shell("kill -SEGV $$"));
  EXPECT_EQ(killed.report.ended_by, EndedBy::kSignal);
  EXPECT_EQ(killed.report.signal, SIGSEGV);
  EXPECT_EQ(killed.report.exit_code, -1);
}

TEST_F(ProcessTest, SeparatesTheStreams) {
  const Outcome outcome = run_spec(shell("echo out; echo err >&2"));
  EXPECT_EQ(outcome.out, "out\n");
  EXPECT_EQ(outcome.err, "err\n");
}

TEST_F(ProcessTest, PassesOnlyTheGivenEnvironment) {
  ::setenv("REMIT_TEST_SECRET", "x", 1);
  Spec spec = command({"env"});
  spec.env = {"A=1", "PATH=/usr/bin:/bin"};
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_THAT(outcome.out, HasSubstr("A=1\n"));
  EXPECT_THAT(outcome.out, HasSubstr("PATH=/usr/bin:/bin\n"));
  EXPECT_THAT(outcome.out, HasSubstr("HOME=/tmp\n"));
  EXPECT_THAT(outcome.out, ::testing::Not(HasSubstr("SECRET")));
}

TEST_F(ProcessTest, FeedsStdinAndEndsIt) {
  Spec spec = command({"cat"});
  spec.stdin_bytes = std::string(300'000, 'a') + "end";
  spec.limits.output_bytes = 1u << 20;
  const Outcome outcome = run_spec(std::move(spec));
  EXPECT_EQ(outcome.out.size(), 300'003u);
  EXPECT_EQ(run_spec(command({"cat"})).out, "");
}

TEST_F(ProcessTest, StartsInTheWorkingDirectory) {
  Spec spec = command({"pwd"});
  spec.cwd = "/usr/bin";
  EXPECT_EQ(run_spec(std::move(spec)).out, "/usr/bin\n");
  Spec missing = command({"pwd"});
  missing.cwd = "/nowhere";
  const Outcome outcome = run_spec(std::move(missing));
  ASSERT_TRUE(outcome.error);
  EXPECT_THAT(outcome.error->to_string(), HasSubstr("/nowhere"));
}

TEST_F(ProcessTest, SaysWhichProgramIsMissing) {
  const Outcome outcome = run_spec(command({"no-such-program"}));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Code::kNotFound);
  EXPECT_THAT(outcome.error->to_string(), HasSubstr("no-such-program"));
  EXPECT_TRUE(run_spec(command({"/etc/passwd"})).error);
}

TEST_F(ProcessTest, UsesTheSystemsPythonAndSqlite) {
  const Outcome outcome = run_spec(python("import sys, sqlite3, ssl, multiprocessing\nprint(sys.executable)"));
  EXPECT_THAT(outcome.out, HasSubstr("/usr/bin/python3")) << outcome.err;
}

TEST_F(ProcessTest, RunsManyAtOnce) {
  constexpr int kCount = 24;
  int ended = 0;
  for (int i = 0; i < kCount; ++i) {
    asio::co_spawn(io_, testing::outcome_of(launcher_.get(), shell("sleep 0.2; echo " + std::to_string(i))),
                   [&ended, i](std::exception_ptr, Outcome outcome) {
                     EXPECT_EQ(outcome.out, std::to_string(i) + "\n");
                     ++ended;
                   });
  }
  io_.restart();
  while (ended < kCount && io_.run_one() > 0) {
  }
  EXPECT_EQ(ended, kCount);
  EXPECT_EQ(launcher_->live(), 0u);
}

TEST_F(ProcessTest, HandsOverDescriptorsByNumber) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Spec spec = shell("echo ping >&5");
  spec.fds = {{pair[1], 5}};
  EXPECT_EQ(run_spec(std::move(spec)).report.exit_code, 0);
  char buffer[16] = {};
  EXPECT_EQ(::read(pair[0], buffer, sizeof(buffer)), 5);
  EXPECT_STREQ(buffer, "ping\n");
  ::close(pair[0]);
  ::close(pair[1]);
}

TEST_F(ProcessTest, RefusesAWrongSpec) {
  Spec spec = command({"true"});
  spec.limits.pids = limits::kMostPids + 1;
  EXPECT_EQ(run_spec(std::move(spec)).error->code(), Code::kInvalidArgument);
  spec = command({"true"});
  spec.argv.push_back(std::string(limits::kArgumentBytes, 'x'));
  EXPECT_EQ(run_spec(std::move(spec)).error->code(), Code::kResourceExhausted);
  spec = command({"true"});
  spec.mounts.tmpfs[0].target = "/tmp/../etc";
  EXPECT_EQ(run_spec(std::move(spec)).error->code(), Code::kInvalidArgument);
  spec = command({std::string("tr\0ue", 5)});
  EXPECT_EQ(run_spec(std::move(spec)).error->code(), Code::kInvalidArgument);
  spec = command({"true"});
  spec.mounts.binds.push_back({"/no/such/path", "/mnt/x"});
  const Outcome missing = run_spec(std::move(spec));
  ASSERT_TRUE(missing.error);
  EXPECT_EQ(missing.error->code(), Code::kNotFound);
}

}  // namespace
}  // namespace remit::sandbox

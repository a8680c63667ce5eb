// For tests: runs one command in a sandbox and gives what came out of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "sandbox/launcher.h"
#include "sandbox/leftovers.h"

namespace remit::sandbox::testing {

struct Outcome {
  std::optional<Error> error;
  ExitReport report;
  std::string out, err;
};

// Runs `task` on a fresh io_context to its end.
template <typename T>
T run(asio::io_context& io, Task<T> task) {
  std::optional<T> result;
  asio::co_spawn(io, std::move(task), [&result](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    result.emplace(std::move(value));
  });
  io.restart();
  while (!result && io.run_one() > 0) {
  }
  return std::move(*result);
}

inline Task<Outcome> outcome_of(Launcher* launcher, Spec spec) {
  Outcome outcome;
  auto process = co_await launcher->start(std::move(spec));
  if (!process) {
    outcome.error = process.error();
    co_return outcome;
  }
  while (auto chunk = co_await (*process)->next_output()) {
    (chunk->stream == Stream::kStdout ? outcome.out : outcome.err) += chunk->bytes;
  }
  outcome.report = co_await (*process)->wait();
  co_return outcome;
}

class SandboxTest : public ::testing::Test {
 protected:
  // The instance of this test program; what it leaves can be found.
  static std::string instance() { return "test-" + std::to_string(::getpid()); }

  void SetUp() override {
    auto opened = run(io_, open_process_launcher({instance()}));
    ASSERT_TRUE(opened) << opened.error().to_string();
    launcher_ = std::move(*opened);
  }

  void TearDown() override {
    launcher_.reset();
    io_.restart();
    io_.run();
  }

  static LimitsMode mode() { return ::geteuid() == 0 ? LimitsMode::kEnforced : LimitsMode::kBestEffort; }

  static Spec command(std::vector<std::string> argv) {
    Spec spec;
    spec.argv = std::move(argv);
    spec.limits.mode = mode();
    spec.limits.wall_time = std::chrono::seconds(20);
    return spec;
  }
  static Spec shell(std::string script) { return command({"sh", "-c", std::move(script)}); }
  static Spec python(std::string script) { return command({"python3", "-c", std::move(script)}); }

  Outcome run_spec(Spec spec) { return run(io_, outcome_of(launcher_.get(), std::move(spec))); }

  asio::io_context io_;
  std::unique_ptr<Launcher> launcher_;
};

}  // namespace remit::sandbox::testing

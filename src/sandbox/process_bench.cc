// Cold create -> exec echo -> collect -> destroyed, beside bubblewrap doing the same, turn by turn in one run.
#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "sandbox/launcher.h"

namespace remit::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

struct Phases {
  std::vector<double> create, run, destroy;  // Microseconds.
};

Task<std::string> echo_once(Launcher* launcher, Phases* phases) {
  Spec spec;
  spec.argv = {"/bin/echo", "hello"};
  spec.env = {"LANG=C"};  // As the rival below: loading a locale is not what is measured.
  auto process = co_await launcher->start(std::move(spec));
  if (!process) co_return process.error().to_string();
  std::string out;
  while (auto chunk = co_await (*process)->next_output()) out += chunk->bytes;
  const ExitReport report = co_await (*process)->wait();
  phases->create.push_back(static_cast<double>(report.create_us));
  phases->run.push_back(static_cast<double>(report.run_us));
  phases->destroy.push_back(static_cast<double>(report.destroy_us));
  co_return report.ended_by == EndedBy::kExit ? out : report.detail;
}

template <typename T>
T run(asio::io_context& io, Task<T> task) {
  std::optional<T> result;
  asio::co_spawn(io, std::move(task), [&result](std::exception_ptr error, T value) {
    if (!error) result.emplace(std::move(value));
  });
  io.restart();
  while (!result && io.run_one() > 0) {
  }
  return std::move(*result);
}

bool bwrap_once() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  const char* argv[] = {"bwrap", "--unshare-all", "--ro-bind", "/",    "/",         "--proc", "/proc",
                        "--dev", "/dev",          "--tmpfs",   "/tmp", "/bin/echo", "hello",  nullptr};
  const char* env[] = {"LANG=C", "PATH=/usr/bin:/bin", nullptr};
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, "bwrap", &actions, nullptr, const_cast<char**>(argv), const_cast<char**>(env));
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  char buffer[256];
  ssize_t size = 0;
  while (error == 0) {
    const ssize_t got = ::read(ends[0], buffer, sizeof(buffer));
    if (got <= 0) break;
    size += got;
  }
  ::close(ends[0]);
  int status = -1;
  if (error == 0) ::waitpid(pid, &status, 0);
  return status == 0 && size == 6;
}

double percentile(std::vector<double> values, double part) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

void BM_ColdEchoBesideBwrap(benchmark::State& state) {
  asio::io_context io;
  auto launcher = run(io, open_process_launcher({"bench"}));
  if (!launcher) {
    state.SkipWithError(launcher.error().to_string().c_str());
    return;
  }
  std::vector<double> ours, theirs;
  Phases phases;
  const auto micros = [](Clock::time_point from) {
    return std::chrono::duration<double, std::micro>(Clock::now() - from).count();
  };
  for (auto _ : state) {
    auto begin = Clock::now();
    const std::string out = run(io, echo_once(launcher->get(), &phases));
    ours.push_back(micros(begin));
    if (out != "hello\n") {
      state.SkipWithError(out.c_str());
      return;
    }
    begin = Clock::now();
    if (!bwrap_once()) {
      state.SkipWithError("bwrap did not run");
      return;
    }
    theirs.push_back(micros(begin));
  }
  state.counters["remit_p50_us"] = percentile(ours, 0.5);
  state.counters["remit_p99_us"] = percentile(ours, 0.99);
  state.counters["bwrap_p50_us"] = percentile(theirs, 0.5);
  state.counters["bwrap_p99_us"] = percentile(theirs, 0.99);
  state.counters["create_p50_us"] = percentile(phases.create, 0.5);
  state.counters["run_p50_us"] = percentile(phases.run, 0.5);
  state.counters["destroy_p50_us"] = percentile(phases.destroy, 0.5);
  state.counters["ratio_p50"] = percentile(ours, 0.5) / percentile(theirs, 0.5);
}
BENCHMARK(BM_ColdEchoBesideBwrap)->Iterations(400)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace remit::sandbox

BENCHMARK_MAIN();

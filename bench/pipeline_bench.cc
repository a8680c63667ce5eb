// What governing costs: a call as it comes over the wire → decode → permissions (20 rules, half with conditions) →
// reservation in memory → Started → an executor that does nothing → settlement → five records in the run log on disk,
// which become durable with their group. No judge. Each call is timed by itself; the log is let catch up between
// measurements, so that its queue never fills.
//
//   build/bench/bench/pipeline_bench                 the pipeline on one core, the log's writer thread on another
//   taskset -c 1 build/bench/bench/pipeline_bench    both on the same core, which then also writes all records
//
// REMIT_BENCH_DIR: where the log is written; the current folder by default.
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>

#include "action/pipeline.h"
#include "action/store_run_log.h"
#include "gateway/openai_decode.h"
#include "ledger/leaf.h"
#include "mesh/catalogue.h"
#include "policy/permissions.h"

namespace remit {
namespace {

constexpr int kCallsPerGroup = 2000;  // Timed calls between two waits for the disk.

class DoneCall final : public Call {
 public:
  Task<Event> next() override {
    Outcome outcome;
    outcome.ok = true;
    outcome.text = "ok";
    outcome.usage = {.input = 1000, .output = 50};
    co_return Done{std::move(outcome)};
  }
  void cancel(CancelReason) override {}
};

class NoEffect final : public Executor {
 public:
  std::unique_ptr<Call> start(Permit&&, CallContext) override { return std::make_unique<DoneCall>(); }
};

policy::PermissionsSpec twenty_rules() {
  policy::PermissionsSpec spec;
  using enum policy::RuleEffect;
  for (int i = 0; i < 6; ++i) {
    spec.rules.push_back(
        {fmt::format("deny-{}", i), kDeny, {"shell.*"}, fmt::format("args.command.contains('bad-{}')", i), ""});
  }
  for (int i = 0; i < 3; ++i) {
    spec.rules.push_back({fmt::format("ask-{}", i), kAsk, {"*.run"}, fmt::format("args.timeout_s > {}", 600 + i), ""});
  }
  for (int i = 0; i < 10; ++i)
    spec.rules.push_back({fmt::format("other-{}", i), kAllow, {fmt::format("t{}.*", i)}, "", ""});
  spec.rules.push_back(
      {"compute", kAllow, {"shell.run"}, "args.timeout_s <= 60 && budget.spent.calls < 100000000", ""});
  spec.models = {{"default", "gpt-4o", ""}};
  return spec;
}

struct Bed {
  Bed() {
    const char* base = std::getenv("REMIT_BENCH_DIR");
    folder = std::string(base ? base : ".") + "/pipeline-bench-XXXXXX";
    if (!::mkdtemp(folder.data())) std::abort();
    log = std::make_unique<action::StoreRunLog>(clock, *store::Log::open(files, folder + "/log", rng));
    permissions = *policy::Permissions::compile(twenty_rules());
    stage = std::make_unique<policy::PermissionStage>(permissions, [this] { return leaf->view(); });
    id = Ulid::make(clock, rng);
    ledger::LeafConfig config{.run = id, .account = "bench/m", .limits = {.amounts = {kMoneyLimit, 0, 0}}};
    if (!config.prices.add_override("default", "*", {2'500'000, 1'250'000, 2'500'000, 10'000'000, 10'000'000}))
      std::abort();
    leaf = std::make_unique<ledger::Leaf>(std::move(config), clock);
    for (auto& tool : mesh::built_in_tools()) (void)catalogue.add(std::move(tool));
    table.add("shell.run", executor);
    table.add("model.call", executor);
    pipeline = std::make_unique<action::Pipeline>(
        action::PipelineParts{io.get_executor(), id, clock, *log, *leaf, table, {stage.get()}, {}});
  }
  ~Bed() {
    pipeline.reset();
    log.reset();
    std::filesystem::remove_all(folder);
  }

  asio::io_context io{1};
  SystemClock clock;
  SystemRng rng;
  store::PosixFileSystem files;
  std::string folder;
  Ulid id;
  std::unique_ptr<action::StoreRunLog> log;
  std::shared_ptr<const policy::Permissions> permissions;
  std::unique_ptr<policy::PermissionStage> stage;
  std::unique_ptr<ledger::Leaf> leaf;
  mesh::Catalogue catalogue{[](std::string_view path) { return Result<std::string>(std::string(path)); }};
  NoEffect executor;
  action::ExecutorTable table;
  std::unique_ptr<action::Pipeline> pipeline;
};

using Decode = std::function<Result<Action>(Bed&)>;

Task<> govern_group(Bed* bed, Decode decode, std::vector<std::int64_t>* samples, bool* failed) {
  for (int i = 0; i < kCallsPerGroup; ++i) {
    const auto began = bed->clock.steady_now();
    auto action = decode(*bed);
    if (!action) co_return void(*failed = true);
    const auto ran = co_await bed->pipeline->run(std::move(*action), {});
    samples->push_back((bed->clock.steady_now() - began).count());
    if (!ran.outcome.ok) co_return void(*failed = true);
  }
}

void govern(benchmark::State& state, const Decode& decode) {
  Bed bed;
  std::vector<std::int64_t> samples;
  samples.reserve(std::size_t{1} << 20);
  bool failed = false;
  for (auto _ : state) {
    asio::co_spawn(bed.io, govern_group(&bed, decode, &samples, &failed), [](std::exception_ptr) {});
    bed.io.restart();
    bed.io.run();
    state.PauseTiming();
    if (!bed.log->log().flush()) failed = true;
    state.ResumeTiming();
  }
  if (failed) return state.SkipWithError("a call was not carried out");
  std::ranges::sort(samples);
  const auto at = [&](double part) {
    return static_cast<double>(samples[static_cast<std::size_t>(static_cast<double>(samples.size() - 1) * part)]) /
           1000;
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["p999_us"] = at(0.999);
  state.SetItemsProcessed(static_cast<std::int64_t>(samples.size()));
}

// A tool call as a model or an MCP client writes it.
void tool_call(benchmark::State& state) {
  govern(state, [](Bed& bed) {
    return bed.catalogue.decode(
        "shell_run", R"({"command":"python3 import.py --year 2024","timeout_s":60,"why":"the goal asks for it"})",
        "mcp");
  });
}
BENCHMARK(tool_call)->Iterations(50)->UseRealTime();

// A chat request of 20 messages and 10 kB, as a client of the OpenAI door writes it.
void model_call(benchmark::State& state) {
  json::array messages;
  for (int i = 0; i < 20; ++i)
    messages.push_back(json::object{{"role", i % 2 ? "assistant" : "user"}, {"content", std::string(500, 'x')}});
  const std::string body =
      to_json(json::object{{"model", "gpt-4o"}, {"max_tokens", 500}, {"messages", std::move(messages)}});
  govern(state, [&body](Bed&) -> Result<Action> {
    auto call = gateway::decode_chat_call(body, "default");
    if (!call) return fail(std::move(call).error());
    return std::move(call->action);
  });
}
BENCHMARK(model_call)->Iterations(20)->UseRealTime();

}  // namespace
}  // namespace remit

BENCHMARK_MAIN();

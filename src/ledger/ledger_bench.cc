// What a reservation and its settlement cost, in memory and with leases from SQLite on a disk.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <filesystem>

#include "ledger/leaf.h"

namespace remit::ledger {
namespace {

struct Fixture {
  Fixture() {
    auto request = std::make_shared<ModelRequest>();
    request->provider = "openai", request->model = "gpt-4o", request->max_output_tokens = 500;
    for (int i = 0; i < 20; ++i) request->messages.push_back({.role = Role::kUser, .text = std::string(500, 'x')});
    call.kind = ActionKind::kModelCall;
    call.model_request = request;
    outcome.usage = {.input = 2500, .cached_input = 1000, .output = 87};
    SystemRng rng;
    run = Ulid::make(clock, rng);
  }
  SystemClock clock;
  Ulid run;
  Action call;
  Outcome outcome;
};

void leaf_estimate_reserve_settle(benchmark::State& state) {
  Fixture fixture;
  std::optional<Leaf> leaf;
  std::uint64_t call = 0;
  for (auto _ : state) {
    if (call % kAttempts == 0) {
      state.PauseTiming();
      leaf.emplace(LeafConfig{.run = fixture.run, .account = "ns/m", .limits = {.amounts = {kMoneyLimit, 0, 0}}},
                   fixture.clock);
      state.ResumeTiming();
    }
    const AttemptId id{fixture.run, ++call, 1};
    const auto amounts = leaf->estimate(fixture.call);
    if (!amounts || !leaf->reserve(id, *amounts)) state.SkipWithError("no room");
    benchmark::DoNotOptimize(leaf->settle(id, fixture.call, fixture.outcome));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(leaf_estimate_reserve_settle);

// As above, with a durable lease of 0.25 dollars whenever the last one is used up.
void leaf_with_durable_leases(benchmark::State& state) {
  const char* base = std::getenv("REMIT_BENCH_DIR");
  std::string folder = std::string(base ? base : ".") + "/ledger-bench-XXXXXX";
  if (!::mkdtemp(folder.data())) return state.SkipWithError("no folder");
  {
    Fixture fixture;
    auto authority = Authority::open(folder + "/ledger.db");
    if (!authority || !authority->put_account("ns", "", {}) || !authority->put_account("ns/m", "ns", {})) {
      return state.SkipWithError("no authority");
    }
    Leaf leaf({.run = fixture.run, .account = "ns/m"}, fixture.clock, &*authority);
    std::uint64_t call = 0;
    for (auto _ : state) {
      const AttemptId id{fixture.run, ++call, 1};
      const auto amounts = leaf.estimate(fixture.call);
      if (!amounts || !leaf.reserve(id, *amounts)) state.SkipWithError("no room");
      benchmark::DoNotOptimize(leaf.settle(id, fixture.call, fixture.outcome));
    }
    state.SetItemsProcessed(state.iterations());
    state.counters["calls_per_lease"] = double(call) / double(leaf.leases_seen());
  }
  std::filesystem::remove_all(folder);
}
BENCHMARK(leaf_with_durable_leases)->UseRealTime();

}  // namespace
}  // namespace remit::ledger

BENCHMARK_MAIN();

// What reading a manifest, validating an object and the embedded store's calls cost.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>

#include "resource/embedded_store.h"
#include "resource/manifest.h"
#include "resource/mission.h"

namespace remit::resource {
namespace {

constexpr std::string_view kMission = R"(apiVersion: remit.dev/v1alpha1
kind: Mission
metadata: {name: import-invoices, namespace: finance}
spec:
  goal: Import all 2024 invoices in data/legacy into ledger.db and report the total per vendor.
  checks:
  - {name: ledger, exec: {command: [python3, check_ledger.py]}, timeout: 1m}
  agent: {type: Builtin}
  model: {providerRef: {name: default}, name: some-model}
  workspace: {type: Directory, directory: {path: .}, write: [ledger.db, report.md, "build/**"], hide: [.env]}
  budget: {costUSD: "0.50", tokens: 200000, toolCalls: 200, activeDuration: 15m, onExhausted: ReturnPartial}
  permissions:
    rules:
    - {name: read, effect: Allow, tools: ["files.read", "files.list"]}
    - {name: compute, effect: Allow, tools: ["shell.run"], when: "args.timeout_s <= 60"}
)";

void read_mission(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(load_manifests(kMission, "mission.yaml"));
}
BENCHMARK(read_mission)->Unit(benchmark::kMicrosecond);

void object_to_struct(benchmark::State& state) {
  const auto loaded = load_manifests(kMission, "mission.yaml");
  for (auto _ : state) benchmark::DoNotOptimize(from_object<Mission>(loaded->front().object));
}
BENCHMARK(object_to_struct)->Unit(benchmark::kMicrosecond);

// The worst texts that the limits let through, or that they stop last.
void read_hostile(benchmark::State& state) {
  static const std::string kTexts[] = {
      "a: " + std::string(1 << 20, 'g'),
      "a: \"" + std::string(1 << 20, '\\'),
      std::string(1 << 20, '['),
      std::string(1 << 20, '{'),
      std::string(1 << 20, '\n') + "a: 1",
      std::string(1 << 20, ' ') + "a: 1",
      "a: |\n" + std::string(1 << 20, ' '),
      std::string(1 << 20, '#'),
      std::string(1 << 20, '"'),
      std::string(1 << 20, '&'),
      "[" + std::string(1 << 20, ','),
      std::string(1 << 20, '?'),
      std::string(1 << 20, ':'),
  };
  const auto& text = kTexts[static_cast<std::size_t>(state.range(0))];
  for (auto _ : state) benchmark::DoNotOptimize(load_manifests(text, "hostile.yaml"));
}
BENCHMARK(read_hostile)->DenseRange(0, 12)->Unit(benchmark::kMillisecond);

class Bed {
 public:
  Bed() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-bench-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    store_ = std::move(*EmbeddedStore::open(path_ + "/objects.db", {.clock = &clock_, .rng = &rng_}));
  }
  ~Bed() {
    store_.reset();
    std::filesystem::remove_all(path_);
  }
  Store& store() { return *store_; }

  // `count` calls of make(i), `at_once` of them at a time.
  template <typename Make>
  void run(std::size_t count, std::size_t at_once, Make make) {
    std::size_t begun = 0, done = 0;
    while (done < count) {
      for (; begun < count && begun - done < at_once; ++begun) {
        asio::co_spawn(context_, make(begun), [&](std::exception_ptr, Result<Object> result) {
          if (!result) std::abort();
          ++done;
        });
      }
      context_.restart();
      context_.run_one();
      context_.poll();
    }
  }

 private:
  std::string path_;
  SystemClock clock_;
  SystemRng rng_;
  asio::io_context context_;
  std::unique_ptr<EmbeddedStore> store_;
};

Object budget(std::string name) {
  Object out;
  out.content()["apiVersion"] = "remit.dev/v1alpha1";
  out.content()["kind"] = "Budget";
  out.set_name(name), out.set_ns("default");
  out.spec()["costUSD"] = "5";
  return out;
}

// Durable creates; the argument is the number of callers at a time.
void store_create(benchmark::State& state) {
  Bed bed;
  const auto at_once = static_cast<std::size_t>(state.range(0));
  std::size_t next = 0;
  for (auto _ : state) {
    bed.run(at_once * 4, at_once, [&](std::size_t) { return bed.store().create(budget(fmt::format("b{}", next++))); });
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
}
BENCHMARK(store_create)->Arg(1)->Arg(64)->UseRealTime()->Unit(benchmark::kMillisecond);

void store_get(benchmark::State& state) {
  Bed bed;
  bed.run(1, 1, [&](std::size_t) { return bed.store().create(budget("a")); });
  for (auto _ : state) {
    bed.run(64, 64, [&](std::size_t) { return bed.store().get({"Budget", "default", "a"}); });
  }
  state.SetItemsProcessed(state.iterations() * 64);
}
BENCHMARK(store_get)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace remit::resource

BENCHMARK_MAIN();

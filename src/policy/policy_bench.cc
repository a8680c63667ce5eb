// One permission decision with 20 rules, half of them with conditions. The percentiles are of single decisions, timed
// one by one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "policy/cel.h"
#include "policy/permissions.h"

namespace remit::policy {
namespace {

PermissionsSpec twenty_rules() {
  PermissionsSpec spec;
  for (int i = 0; i < 6; ++i) {
    spec.rules.push_back({fmt::format("deny-{}", i),
                          RuleEffect::kDeny,
                          {"shell.*"},
                          fmt::format("args.command.contains('bad-{}') || args.timeout_s > 600", i),
                          ""});
  }
  for (int i = 0; i < 4; ++i) {
    spec.rules.push_back({fmt::format("ask-{}", i),
                          RuleEffect::kAsk,
                          {"*.run"},
                          fmt::format("has(args.danger) && args.danger == {}", i),
                          ""});
  }
  for (int i = 0; i < 9; ++i)
    spec.rules.push_back({fmt::format("allow-{}", i), RuleEffect::kAllow, {fmt::format("tool{}.*", i)}, "", ""});
  spec.rules.push_back({"compute",
                        RuleEffect::kAllow,
                        {"shell.run"},
                        "args.timeout_s <= 60 && args.env.all(k, k.startsWith('CI_'))",
                        ""});
  return spec;
}

Action shell() {
  Action action;
  action.tool = "shell.run", action.resource = "python3 import.py";
  action.args = {{"command", "python3 import.py --year 2024"},
                 {"timeout_s", 60},
                 {"env", json::object{{"CI_A", "1"}, {"CI_B", "2"}}}};
  return action;
}

void decide_20_rules(benchmark::State& state) {
  const auto permissions = *Permissions::compile(twenty_rules());
  const auto action = shell();
  const CallContext context;
  std::vector<std::int64_t> samples;
  samples.reserve(1 << 20);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    auto verdict = permissions->decide(action, context, nullptr);
    const auto end = std::chrono::steady_clock::now();
    if (verdict.decision != Decision::kAllow) state.SkipWithError("not allowed");
    benchmark::DoNotOptimize(verdict);
    if (samples.size() < samples.capacity()) samples.push_back((end - begin).count());
  }
  std::ranges::sort(samples);
  if (samples.empty()) return;
  state.counters["p50_ns"] = static_cast<double>(samples[samples.size() / 2]);
  state.counters["p99_ns"] = static_cast<double>(samples[samples.size() * 99 / 100]);
}
BENCHMARK(decide_20_rules);

void cel_condition(benchmark::State& state) {
  const auto program =
      *cel::Program::compile("args.timeout_s <= 60 && args.command.startsWith('python3')", {{"args", {}}});
  const auto action = shell();
  cel::Bindings bindings;
  bindings.bind("args", action.args);
  for (auto _ : state) benchmark::DoNotOptimize(program.test(bindings));
}
BENCHMARK(cel_condition);

void cel_compile(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        cel::Program::compile("args.timeout_s <= 60 && args.command.startsWith('python3')", {{"args", {}}}));
  }
}
BENCHMARK(cel_compile);

}  // namespace
}  // namespace remit::policy

BENCHMARK_MAIN();

// Opening a workspace over many files, and merging one command's changes.
#include <benchmark/benchmark.h>

#include <atomic>

#include "sandbox/workspace/test_support.h"

namespace remit::sandbox {
namespace {

using namespace testing;

constexpr int kFiles = 50'000;
constexpr int kFilesPerFolder = 50;

const std::string& many_files() {
  static const TempFolder temp;
  static const bool made = [] {
    for (int i = 0; i < kFiles; ++i) {
      put_file(fmt::format("{}/m{}/f{}/{}.txt", temp.path(), i / (kFilesPerFolder * 20), i / kFilesPerFolder, i),
               "some text\n");
    }
    ::usleep(50'000);
    return true;
  }();
  (void)made;
  return temp.path();
}

// hide: 0 nothing, 1 an anchored path, 2 a name at any depth.
std::vector<std::string> hide_of(std::int64_t kind) {
  if (kind == 0) return {};
  return {kind == 1 ? "/m0/f0/0.txt" : "17.txt"};
}

void open_over_many_files(benchmark::State& state) {
  const std::string& folder = many_files();
  for (auto _ : state) {
    state.PauseTiming();
    auto run = std::make_unique<TempFolder>();
    state.ResumeTiming();
    auto workspace = Workspace::open({.folder = folder, .run_folder = run->path(), .hide = hide_of(state.range(0))});
    if (!workspace) state.SkipWithError(workspace.error().to_string().c_str());
    state.PauseTiming();
    workspace = fail(internal_error("closed"));
    run.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(open_over_many_files)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

// Open and have the first command's layer ready, which waits for the walk when a hide pattern needs one.
void open_and_first_layer(benchmark::State& state) {
  const std::string& folder = many_files();
  for (auto _ : state) {
    state.PauseTiming();
    auto run = std::make_unique<TempFolder>();
    state.ResumeTiming();
    auto workspace = Workspace::open({.folder = folder, .run_folder = run->path(), .hide = hide_of(state.range(0))});
    if (!workspace || !workspace->begin_layer("first")) state.SkipWithError("no layer");
    state.PauseTiming();
    workspace = fail(internal_error("closed"));
    run.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(open_and_first_layer)->Arg(0)->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);

void next_layer(benchmark::State& state) {
  TempFolder run;
  auto workspace = Workspace::open({.folder = many_files(), .run_folder = run.path(), .hide = hide_of(state.range(0))});
  (void)workspace->begin_layer("first")->discard();
  for (auto _ : state) {
    auto layer = workspace->begin_layer("next");
    if (!layer || !layer->discard()) state.SkipWithError("no layer");
  }
}
BENCHMARK(next_layer)->Arg(0)->Arg(2)->Unit(benchmark::kMicrosecond);

enum class Step : std::uint8_t { kChanges, kMerge };

// 100 files of 4 KiB that a command modified, in a layer that the kernel made.
void hundred_files(benchmark::State& state, Step step) {
  TempFolder temp;
  const std::string folder = temp.path() + "/project";
  for (int i = 0; i < 100; ++i) put_file(fmt::format("{}/d{}/{}", folder, i % 10, i), std::string(4096, 'a'));
  for (auto _ : state) {
    state.PauseTiming();
    TempFolder run;
    auto workspace = Workspace::open({.folder = folder, .run_folder = run.path()});
    auto layer = workspace->begin_layer("call");
    if (run_in_layer(*layer, "for f in d*/*; do echo more >> $f; done") != 0) state.SkipWithError("no overlay");
    if (step == Step::kChanges) state.ResumeTiming();
    auto changes = layer->changes();
    if (step == Step::kMerge) state.ResumeTiming();
    if (!changes || changes->size() != 100) state.SkipWithError("not 100 changes");
    if (step == Step::kMerge && !layer->merge(*changes)) state.SkipWithError("not merged");
    state.PauseTiming();
    workspace = fail(internal_error("closed"));
    state.ResumeTiming();
  }
}
BENCHMARK_CAPTURE(hundred_files, changes, Step::kChanges)->Unit(benchmark::kMillisecond)->Iterations(30);
BENCHMARK_CAPTURE(hundred_files, merge, Step::kMerge)->Unit(benchmark::kMillisecond)->Iterations(30);

}  // namespace
}  // namespace remit::sandbox

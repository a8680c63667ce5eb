// How many durable records a second, beside the device's own fdatasync and SQLite, in one run.
//
//   bench/store_bench [--benchmark_filter=...]      files go to $REMIT_BENCH_DIR, else to the working directory
#include <benchmark/benchmark.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "store/database.h"
#include "store/log.h"
#include "store/simulated_file_system.h"

namespace remit::store {
namespace {

constexpr std::size_t kRecordBytes = 300;
constexpr std::size_t kCallers = 64;

class Folder {
 public:
  Folder() {
    const char* base = std::getenv("REMIT_BENCH_DIR");
    std::string name = std::string(base ? base : ".") + "/store-bench-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// One append of one record and one fdatasync: what the device can do.
void raw_fdatasync(benchmark::State& state) {
  Folder folder;
  PosixFileSystem files;
  auto file = files.open(folder.file("raw"), OpenMode::kReplace);
  const std::string record(kRecordBytes, 'x');
  std::uint64_t offset = 0;
  for (auto _ : state) {
    if (!write_fully(**file, offset, record) || !(*file)->sync()) state.SkipWithError("the disk failed");
    offset += record.size();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(raw_fdatasync)->UseRealTime();

Task<> caller(Log* log, std::string record, int records_per_wait, std::int64_t* left, bool* failed) {
  while (*left > 0) {
    Result<std::uint64_t> last = 0;
    for (int i = 0; i < records_per_wait && last; ++i) last = log->append(record);
    *left -= records_per_wait;
    if (!last || !co_await log->wait_durable(*last)) *failed = true;
  }
}

// kCallers coroutines on one shard; each appends range(0) records and waits until they are durable.
void run_callers(benchmark::State& state, FileSystem& files, const std::string& path) {
  SystemRng rng;
  asio::io_context shard(1);
  auto log = Log::open(files, path, rng);
  if (!log) return state.SkipWithError(log.error().to_string().c_str());
  constexpr std::int64_t kBatch = 6400;
  bool failed = false;
  for (auto _ : state) {
    std::int64_t left = kBatch;
    shard.restart();
    for (std::size_t i = 0; i < kCallers; ++i) {
      asio::co_spawn(shard, caller(log->get(), std::string(kRecordBytes, 'x'), int(state.range(0)), &left, &failed),
                     asio::detached);
    }
    shard.run();
  }
  if (failed) state.SkipWithError("a record was not acknowledged");
  const LogStats stats = (*log)->stats();
  state.SetItemsProcessed(std::int64_t(stats.records));
  state.counters["records_per_sync"] = double(stats.records) / double(stats.syncs);
}

void log_64_callers(benchmark::State& state) {
  Folder folder;
  PosixFileSystem files;
  run_callers(state, files, folder.file("log"));
}
BENCHMARK(log_64_callers)->Arg(1)->Arg(4)->UseRealTime();

// The same on a simulated disk whose fdatasync takes 4 ms. With one record per wait no log can do more than 64 / 4 ms =
// 16,000.
void log_64_callers_sync_4ms(benchmark::State& state) {
  SimulatedFileSystem files(1);
  files.set_faults({.sync_takes = std::chrono::milliseconds(4)});
  run_callers(state, files, "/log");
}
BENCHMARK(log_64_callers_sync_4ms)->Arg(1)->Arg(2)->Arg(4)->UseRealTime();

void log_one_caller(benchmark::State& state) {
  Folder folder;
  PosixFileSystem files;
  SystemRng rng;
  auto log = Log::open(files, folder.file("log"), rng);
  const std::string record(kRecordBytes, 'x');
  for (auto _ : state) {
    const auto sequence = (*log)->append(record, Durability::kNow);
    if (!sequence || !(*log)->wait_durable_blocking(*sequence)) state.SkipWithError("not acknowledged");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(log_one_caller)->UseRealTime();

// What a caller pays that does not wait.
void log_append_only(benchmark::State& state) {
  Folder folder;
  PosixFileSystem files;
  SystemRng rng;
  auto log = Log::open(files, folder.file("log"), rng);
  const std::string record(kRecordBytes, 'x');
  for (auto _ : state) {
    if (!(*log)->append(record)) {
      state.PauseTiming();
      (void)(*log)->flush();
      state.ResumeTiming();
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(log_append_only)->UseRealTime();

void sqlite_transaction_per_record(benchmark::State& state) {
  Folder folder;
  constexpr std::string_view kSchema[] = {"CREATE TABLE record(sequence INTEGER PRIMARY KEY, payload BLOB)"};
  auto database = Database::open(folder.file("db"), kSchema);
  const std::string record(kRecordBytes, 'x');
  for (auto _ : state) {
    if (!database->execute("INSERT INTO record(payload) VALUES(?)", {Blob{record}}))
      state.SkipWithError("insert failed");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(sqlite_transaction_per_record)->UseRealTime();

}  // namespace
}  // namespace remit::store

BENCHMARK_MAIN();

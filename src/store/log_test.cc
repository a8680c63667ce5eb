#include "store/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "store/log_reader.h"
#include "store/simulated_file_system.h"

namespace remit::store {
namespace {

using testing::HasSubstr;

constexpr const char* kPath = "/runs/r/log";

std::string payload_of(std::uint64_t n) {
  return fmt::format("record {} {}", n, std::string(n * 37 % 900, char('a' + n % 26)));
}

std::vector<std::string> read_all(FileSystem& files, LogSchema schema = {}) {
  auto reader = LogReader::open(files, kPath, std::move(schema));
  EXPECT_TRUE(reader) << reader.error().to_string();
  std::vector<std::string> payloads;
  while (reader) {
    auto record = reader->next();
    EXPECT_TRUE(record) << record.error().to_string();
    if (!record || !*record) break;
    EXPECT_EQ((*record)->sequence, payloads.size() + 1);
    payloads.push_back((*record)->payload);
  }
  return payloads;
}

std::unique_ptr<Log> must_open(FileSystem& files, LogOptions options = {}) {
  SeededRng rng(7);
  auto log = Log::open(files, kPath, rng, options);
  if (!log) throw std::runtime_error(log.error().to_string());
  return std::move(*log);
}

class LogTest : public testing::Test {
 protected:
  SimulatedFileSystem files_{1};
  SeededRng rng_{7};
};

TEST_F(LogTest, NumbersRecordsFromOneAcrossReopening) {
  {
    auto log = must_open(files_);
    EXPECT_EQ(log->last_sequence(), 0u);
    EXPECT_EQ(log->append("one").value(), 1u);
    EXPECT_EQ(log->append("two").value(), 2u);
    ASSERT_TRUE(log->close());
    EXPECT_EQ(log->append("late").error().code(), Code::kFailedPrecondition);
    EXPECT_TRUE(log->close());
  }
  auto log = must_open(files_);
  EXPECT_EQ(log->last_sequence(), 2u);
  EXPECT_EQ(log->append("three").value(), 3u);
  ASSERT_TRUE(log->flush());
  EXPECT_THAT(read_all(files_), testing::ElementsAre("one", "two", "three"));
}

TEST_F(LogTest, GroupRecordsReachTheDiskWithoutBeingAskedFor) {
  auto log = must_open(files_, {.group_delay = std::chrono::milliseconds(1)});
  ASSERT_TRUE(log->append("ride along"));
  for (int i = 0; i < 2000 && log->durable_sequence() == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_EQ(log->durable_sequence(), 1u);
}

Task<> append_some(Log* log, int count, std::vector<Error>* errors) {
  for (int i = 0; i < count; ++i) {
    const auto sequence = co_await log->append_durable("payload");
    if (!sequence) {
      errors->push_back(sequence.error());
      co_return;
    }
    if (log->durable_sequence() < *sequence) errors->push_back(internal_error("acknowledged too early"));
  }
}

TEST_F(LogTest, OneSyncServesManyCoroutines) {
  files_.set_faults({.sync_takes = std::chrono::milliseconds(2)});
  asio::io_context shard;
  auto log = must_open(files_);
  std::vector<Error> errors;
  for (int i = 0; i < 64; ++i) asio::co_spawn(shard, append_some(log.get(), 20, &errors), asio::detached);
  shard.run();
  EXPECT_TRUE(errors.empty());
  EXPECT_EQ(log->durable_sequence(), 64u * 20);
  EXPECT_GT(double(log->stats().records) / double(log->stats().syncs), 30);
}

TEST_F(LogTest, WaitersOnSeveralThreadsAllWake) {
  std::array<asio::io_context, 4> shards;  // They outlive the log, as it demands.
  auto log = must_open(files_);
  std::array<std::vector<Error>, shards.size()> errors;
  std::vector<std::thread> threads;
  for (std::size_t n = 0; n < shards.size(); ++n) {
    for (int i = 0; i < 8; ++i) asio::co_spawn(shards[n], append_some(log.get(), 50, &errors[n]), asio::detached);
    threads.emplace_back([&shard = shards[n]] { shard.run(); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : errors) EXPECT_TRUE(mine.empty());
  EXPECT_EQ(read_all(files_).size(), shards.size() * 8 * 50);
}

TEST_F(LogTest, LimitsAreNamed) {
  auto log = must_open(files_, {.file_bytes = 1000});
  EXPECT_EQ(log->append("").error().code(), Code::kInvalidArgument);
  EXPECT_THAT(log->append(std::string(kLogRecordBytes + 1, 'x')).error().to_string(), HasSubstr("kLogRecordBytes"));
  EXPECT_THAT(log->append(std::string(1000, 'x')).error().to_string(), HasSubstr("kLogFileBytes"));
  EXPECT_TRUE(log->append("still works"));
  EXPECT_EQ(log->wait_durable_blocking(9).error().code(), Code::kInvalidArgument);
}

TEST_F(LogTest, FullQueueRefusesAppendAndHoldsBackAppendDurable) {
  asio::io_context shard;
  auto log = must_open(files_, {.queue_records = 4});
  files_.set_faults({.sync_takes = std::chrono::milliseconds(100)});
  ASSERT_TRUE(log->append("begin a sync", Durability::kNow));
  Result<std::uint64_t> last = 0;
  for (int i = 0; i < 100'000 && last; ++i) last = log->append("more");
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(last.error().message(), HasSubstr("kLogQueueRecords 4"));
  std::vector<Error> errors;
  asio::co_spawn(shard, append_some(log.get(), 2, &errors), asio::detached);
  shard.run();
  EXPECT_TRUE(errors.empty());
}

TEST_F(LogTest, FullDiskEndsTheLogAndAcknowledgesNothingMore) {
  auto log = must_open(files_);
  files_.set_faults({.disk_bytes = 5000});
  std::uint64_t acknowledged = 0;
  Result<> result;
  for (std::uint64_t n = 1; n < 100 && result; ++n) {
    const auto sequence = log->append(payload_of(n));
    if (!sequence) break;
    result = log->wait_durable_blocking(*sequence);
    if (result) acknowledged = *sequence;
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(result.error().to_string(), HasSubstr("No space left"));
  EXPECT_THAT(log->append("more").error().to_string(), HasSubstr("takes no more records"));
  EXPECT_EQ(log->durable_sequence(), acknowledged);
  EXPECT_FALSE(log->close());
  log.reset();
  files_.set_faults({});
  auto again = must_open(files_);
  EXPECT_GE(again->last_sequence(), acknowledged);
  EXPECT_TRUE(again->append("there is room again"));
}

TEST_F(LogTest, FailedSyncIsNeverTriedAgain) {
  auto log = must_open(files_);
  files_.set_faults({.fail_sync_after = 1});
  ASSERT_TRUE(log->wait_durable_blocking(log->append("good").value()));
  const auto result = log->wait_durable_blocking(log->append("lost").value());
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().to_string(), HasSubstr("fdatasync"));
  files_.set_faults({});
  EXPECT_FALSE(log->append("the disk works again, but what it dropped is gone"));
  EXPECT_EQ(log->durable_sequence(), 1u);
}

TEST_F(LogTest, ASecondWriterIsRefused) {
  auto log = must_open(files_);
  auto second = Log::open(files_, kPath, rng_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Code::kFailedPrecondition);
  log.reset();
  EXPECT_TRUE(Log::open(files_, kPath, rng_));
}

TEST_F(LogTest, NewerFormatAndNewerSchemaAreRefused) {
  const auto put_header = [&](LogHeader header) {
    const auto bytes = encode_header(header);
    files_.set_contents(kPath, std::string(bytes.data(), bytes.size()));
  };
  put_header({.format = kLogFormat + 1});
  EXPECT_EQ(Log::open(files_, kPath, rng_).error().code(), Code::kFailedPrecondition);
  put_header({.schema = 2});
  const auto error = Log::open(files_, kPath, rng_).error();
  EXPECT_EQ(error.code(), Code::kFailedPrecondition);
  EXPECT_THAT(error.message(), HasSubstr("newer Remit"));
  files_.set_contents(kPath, "something else entirely, long enough");
  EXPECT_EQ(Log::open(files_, kPath, rng_).error().code(), Code::kDataLoss);
}

LogSchema doubling_schema() {
  const auto twice = [](std::string_view payload) -> Result<std::string> { return fmt::format("{0}{0}", payload); };
  return {{twice, twice}};
}

TEST_F(LogTest, AnOlderSchemaIsMigratedOnceAndReadOnTheFly) {
  {
    auto log = must_open(files_);
    ASSERT_TRUE(log->append("a"));
    ASSERT_TRUE(log->append("b"));
  }
  EXPECT_THAT(read_all(files_, doubling_schema()), testing::ElementsAre("aaaa", "bbbb"));
  for (int i = 0; i < 2; ++i) {
    auto log = must_open(files_, {.schema = doubling_schema()});
    EXPECT_EQ(log->last_sequence(), 2u + std::uint64_t(i));
    ASSERT_TRUE(log->append("new"));
  }
  EXPECT_THAT(read_all(files_, doubling_schema()), testing::ElementsAre("aaaa", "bbbb", "new", "new"));
  EXPECT_FALSE(Log::open(files_, kPath, rng_));
}

TEST_F(LogTest, AMigrationThatFailsLeavesTheLogAlone) {
  {
    auto log = must_open(files_);
    ASSERT_TRUE(log->append("a"));
  }
  const std::string before = files_.contents(kPath);
  LogSchema schema{{[](std::string_view) -> Result<std::string> { return fail(invalid_argument("cannot")); }}};
  EXPECT_THAT(Log::open(files_, kPath, rng_, {.schema = schema}).error().to_string(), HasSubstr("cannot"));
  EXPECT_EQ(files_.contents(kPath), before);
}

// Kills or cuts the power while a log is written, at a place that the seed decides; what was acknowledged must be there
// afterwards.
class LogCrashTest : public testing::TestWithParam<int> {};

TEST_P(LogCrashTest, AcknowledgedRecordsSurvive) {
  SeededRng rng(static_cast<std::uint64_t>(GetParam()) * 7919 + 1);
  SimulatedFileSystem files(rng.next());
  std::vector<std::string> expected;  // Acknowledged, then at the most those that were appended.
  std::size_t acknowledged = 0;
  for (int life = 0; life < 6; ++life) {
    files.set_faults({.stop_after_bytes = rng.below(12'000), .short_writes = rng.below(2) == 0});
    SeededRng salt(rng.next());
    std::vector<std::string> appended(expected);
    if (auto log = Log::open(files, kPath, salt)) {
      for (int n = 0; n < 40; ++n) {
        const std::string payload = payload_of(rng.next() % 1000);
        const auto sequence = (*log)->append(payload, rng.below(2) ? Durability::kNow : Durability::kGroup);
        if (!sequence) break;
        appended.push_back(payload);
        ASSERT_EQ(*sequence, appended.size());
        if (rng.below(3) == 0 && (*log)->wait_durable_blocking(*sequence)) acknowledged = *sequence;
      }
      if (rng.below(2) && (*log)->flush()) acknowledged = appended.size();
      if (rng.below(2)) files.lose_power();
      acknowledged = std::max<std::size_t>(acknowledged, (*log)->durable_sequence());
    }
    rng.below(2) ? files.lose_power() : files.kill_process();
    if (!files.exists(kPath).value()) {
      ASSERT_EQ(acknowledged, 0u);
      continue;
    }
    const auto found = read_all(files);
    ASSERT_GE(found.size(), acknowledged) << "life " << life;
    ASSERT_LE(found.size(), appended.size());
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(found[i], appended[i]);
    // Opening makes what it found durable.
    files.set_faults({});
    {
      auto log = must_open(files);
    }
    files.lose_power();
    expected = read_all(files);
    ASSERT_EQ(expected, found);
    acknowledged = expected.size();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogCrashTest, testing::Range(0, 300));

TEST_F(LogTest, EveryCutOfTheFileIsATornTail) {
  {
    auto log = must_open(files_);
    for (std::uint64_t n = 1; n <= 6; ++n) ASSERT_TRUE(log->append(payload_of(n)));
  }
  const std::string whole = files_.contents(kPath);
  for (std::size_t cut = kLogHeaderBytes; cut < whole.size(); ++cut) {
    files_.set_contents(kPath, whole.substr(0, cut));
    const auto before = read_all(files_);
    ASSERT_LT(before.size(), 6u);
    auto log = must_open(files_);
    ASSERT_EQ(log->last_sequence(), before.size());
    ASSERT_TRUE(log->append("after the cut"));
    ASSERT_TRUE(log->close());
    ASSERT_EQ(read_all(files_).size(), before.size() + 1);
  }
}

TEST_F(LogTest, EveryFlippedByteBeforeAcknowledgedRecordsIsReportedWithItsOffset) {
  std::vector<std::uint64_t> offsets;
  {
    auto log = must_open(files_);
    for (std::uint64_t n = 1; n <= 5; ++n) {
      ASSERT_TRUE(log->append(payload_of(n)));
      ASSERT_TRUE(log->flush());
    }
  }
  auto reader = LogReader::open(files_, kPath);
  for (auto record = reader->next(); record && *record; record = reader->next()) offsets.push_back((*record)->offset);
  ASSERT_EQ(offsets.size(), 5u);
  const std::string whole = files_.contents(kPath);
  for (std::size_t at = kLogHeaderBytes; at < offsets[4]; ++at) {
    std::string damaged = whole;
    damaged[at] = char(damaged[at] ^ 0x40);
    files_.set_contents(kPath, damaged);
    const auto offset = *std::prev(std::ranges::upper_bound(offsets, at));
    // The record before the last is vouched for by the last only.
    auto log = Log::open(files_, kPath, rng_);
    ASSERT_FALSE(log) << at;
    ASSERT_EQ(log.error().code(), Code::kDataLoss);
    ASSERT_THAT(log.error().message(), HasSubstr(fmt::format("offset {}", offset)));
    ASSERT_EQ(files_.contents(kPath), damaged);
  }
}

TEST_F(LogTest, APayloadThatImitatesAFrameDoesNotPassForOne) {
  std::string fake;
  append_frame(fake, {0, 0, 3, 2}, payload_crc(0, "fake"), "fake");
  {
    auto log = must_open(files_);
    ASSERT_TRUE(log->append("one"));
    ASSERT_TRUE(log->append(fake + fake + std::string(100, 'x')));
  }
  std::string torn = files_.contents(kPath);
  torn.resize(torn.size() - 10);
  files_.set_contents(kPath, torn);
  auto log = must_open(files_);
  EXPECT_EQ(log->last_sequence(), 1u);
  EXPECT_GT(log->cut_bytes(), 100u);
}

TEST_F(LogTest, ReaderFollowsALiveLog) {
  auto log = must_open(files_);
  SystemClock clock;
  asio::io_context shard;
  std::vector<std::string> seen;
  auto reader = LogReader::open(files_, kPath);
  ASSERT_TRUE(reader);
  const auto follow = [](LogReader* from, Clock* time, std::vector<std::string>* into) -> Task<> {
    while (into->size() < 50) {
      auto record = co_await from->follow(time);
      if (!record) co_return;
      into->push_back(record->payload);
    }
  };
  asio::co_spawn(shard, follow(&*reader, &clock, &seen), asio::detached);
  std::thread writer([&] {
    for (std::uint64_t n = 1; n <= 50; ++n) {
      EXPECT_TRUE(log->wait_durable_blocking(log->append(payload_of(n)).value()));
      if (n % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  });
  shard.run();
  writer.join();
  ASSERT_EQ(seen.size(), 50u);
  for (std::uint64_t n = 1; n <= 50; ++n) EXPECT_EQ(seen[n - 1], payload_of(n));
}

TEST_F(LogTest, ReaderNeverSeesDamageInALogThatIsBeingWritten) {
  files_.set_faults({.short_writes = true});
  auto log = must_open(files_);
  std::thread writer([&] {
    for (std::uint64_t n = 1; n <= 3000; ++n) {
      const auto sequence = log->append(payload_of(n));
      if (n % 3 == 0) EXPECT_TRUE(log->wait_durable_blocking(sequence.value()));
    }
  });
  auto reader = LogReader::open(files_, kPath);
  std::uint64_t count = 0;
  while (count < 3000) {
    auto record = reader->next();
    ASSERT_TRUE(record) << record.error().to_string();
    if (*record) ++count;
  }
  writer.join();
}

}  // namespace
}  // namespace remit::store

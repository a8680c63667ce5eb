#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "base/blocking.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/rng.h"
#include "base/strings.h"
#include "base/ulid.h"

namespace remit {
namespace {

TEST(Error, SaysTheWholeChain) {
  const auto error = errno_error("open /x", ENOENT).wrap("load the mission");
  EXPECT_EQ(error.code(), Code::kNotFound);
  EXPECT_EQ(error.to_string(), "load the mission: open /x: No such file or directory");
}

TEST(Ulid, SortsByTimeAndSurvivesBothForms) {
  SimulatedClock clock;
  SeededRng rng(1);
  const auto a = Ulid::make(clock, rng);
  clock.advance(std::chrono::milliseconds(1));
  const auto b = Ulid::make(clock, rng);
  EXPECT_LT(a, b);
  EXPECT_LT(a.to_string(), b.to_string());
  EXPECT_EQ(*Ulid::parse(a.to_string()), a);
  EXPECT_EQ(*Ulid::parse_hex(a.to_hex()), a);
  for (const char* bad : {"", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000U", "x"})
    EXPECT_FALSE(Ulid::parse(bad)) << bad;
}

TEST(Json, RefusesWhatIsNotOneBoundedDocument) {
  EXPECT_TRUE(parse_json(" {\"a\":[1,2.5,null]} "));
  for (const char* bad : {"", "{", "{}{}", "[1,]", "\"\xff\"", "nul"}) EXPECT_FALSE(parse_json(bad)) << bad;
  EXPECT_FALSE(parse_json(std::string(limits::kJsonDepth + 1, '[') + std::string(limits::kJsonDepth + 1, ']')));
  EXPECT_EQ(parse_json(std::string(limits::kJsonBytes + 1, ' ')).error().code(), Code::kResourceExhausted);
}

TEST(Json, CanonicalFormDoesNotDependOnTheOrderOfKeys) {
  EXPECT_EQ(canonical_json(*parse_json(R"({"b":1,"a":{"d":[1,2],"c":"x"}})")), R"({"a":{"c":"x","d":[1,2]},"b":1})");
}

TEST(Strings, PrintableLeavesNothingThatMovesACursor) {
  EXPECT_EQ(printable("a\x1b[2Jb\nc\xff"), "a\\x1b[2Jb\\nc\\xff");
  EXPECT_EQ(printable("grün"), "grün");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // U+009B is CSI.
  EXPECT_EQ(printable("abcdef", 3), "abc…");
}

TEST(Strings, Utf8FollowsRfc3629) {
  EXPECT_TRUE(is_valid_utf8("aé€😀"));
  for (const char* bad : {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\x80"})
    EXPECT_FALSE(is_valid_utf8(bad));
}

TEST(Strings, BadBytesBecomeReplacementCharacters) {
  EXPECT_EQ(to_valid_utf8("a\xff"
                          "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(to_valid_utf8("grün"), "grün");
}

TEST(Strings, NearestFindsTypingErrorsOnly) {
  const std::string_view known[] = {"goal", "budget", "permissions"};
  EXPECT_EQ(nearest("budgets", known), "budget");
  EXPECT_EQ(nearest("premissions", known), "permissions");
  EXPECT_EQ(nearest("gaol", known), "goal");
  EXPECT_EQ(nearest("zebra", known), "");
}

TEST(File, AtomicWriteLeavesNoTemporary) {
  const auto folder = std::filesystem::temp_directory_path() / ("remit-base-" + SystemRng().hex(4));
  ASSERT_TRUE(make_directories(folder.string()));
  const auto path = (folder / "f").string();
  ASSERT_TRUE(write_file_atomic(path, "one"));
  ASSERT_TRUE(write_file_atomic(path, "two"));
  EXPECT_EQ(*read_file(path, 10), "two");
  EXPECT_EQ(read_file(path, 2).error().code(), Code::kResourceExhausted);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

Task<> sleep_and_mark(SimulatedClock* clock, Duration length, bool* woke) { *woke = co_await clock->sleep_for(length); }

TEST(Clock, SimulatedSleepersWakeOnlyWhenTimeComes) {
  asio::io_context io;
  SimulatedClock clock;
  bool woke = false;
  asio::co_spawn(io, sleep_and_mark(&clock, std::chrono::seconds(10), &woke), asio::detached);
  io.poll();
  clock.advance(std::chrono::seconds(9));
  io.poll();
  EXPECT_FALSE(woke);
  clock.advance(std::chrono::seconds(1));
  io.poll();
  EXPECT_TRUE(woke);
}

Task<> run_there_and_back(asio::thread_pool* pool, std::thread::id* worked_on, std::thread::id* came_back_to) {
  *worked_on = co_await run_blocking(*pool, [] { return std::this_thread::get_id(); });
  *came_back_to = std::this_thread::get_id();
}

TEST(Blocking, WorksElsewhereAndComesHome) {
  asio::io_context io;
  asio::thread_pool pool(1);
  std::thread::id worked_on, came_back_to;
  asio::co_spawn(io, run_there_and_back(&pool, &worked_on, &came_back_to), asio::detached);
  io.run();
  EXPECT_NE(worked_on, std::this_thread::get_id());
  EXPECT_EQ(came_back_to, std::this_thread::get_id());
}

TEST(Clock, Rfc3339) {
  EXPECT_EQ(to_rfc3339(wall_from_nanos(1'700'000'000'123'456'789)), "2023-11-14T22:13:20.123456Z");
}

}  // namespace
}  // namespace remit

#include "store/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"

namespace remit::store {
namespace {

using testing::HasSubstr;

constexpr std::string_view kOne =
    "CREATE TABLE item(name TEXT PRIMARY KEY, size INTEGER, note BLOB) STRICT; CREATE INDEX item_size ON item(size)";
constexpr std::string_view kTwo = "ALTER TABLE item ADD COLUMN weight REAL";
constexpr std::string_view kBoth[] = {kOne, kTwo};
constexpr std::string_view kFirst[] = {kOne};

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-db-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/x.db";
  }
  ~DatabaseTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
};

TEST_F(DatabaseTest, BindsAndReadsEveryType) {
  auto db = Database::open(path_, kBoth);
  ASSERT_TRUE(db) << db.error().to_string();
  const std::string bytes("\0\xff\0", 3);
  ASSERT_EQ(db->execute("INSERT INTO item VALUES(?,?,?,?)", {"ä", std::int64_t{1} << 60, Blob{bytes}, 0.5}).value(), 1);
  ASSERT_TRUE(db->execute("INSERT INTO item VALUES(?,?,?,?)", {std::string_view(), nullptr, nullptr, nullptr}));
  int rows = 0;
  ASSERT_TRUE(
      db->query("SELECT name, size, note, weight FROM item ORDER BY name DESC", {}, [&](const Row& row) -> Result<> {
        if (++rows == 1) {
          EXPECT_EQ(row.text(0), "ä");
          EXPECT_EQ(row.integer(1), std::int64_t{1} << 60);
          EXPECT_EQ(row.text(2), bytes);
          EXPECT_EQ(row.real(3), 0.5);
        } else {
          EXPECT_EQ(row.text(0), "");
          EXPECT_TRUE(row.is_null(1));
        }
        return {};
      }));
  EXPECT_EQ(rows, 2);
  EXPECT_EQ(db->query_integer("SELECT size FROM item WHERE name = ?", {"none"}).value(), std::nullopt);
  EXPECT_EQ(db->query_text("SELECT name FROM item WHERE size > ?", {5}).value(), "ä");
}

TEST_F(DatabaseTest, MistakesAreErrors) {
  auto db = Database::open_in_memory(kBoth);
  ASSERT_TRUE(db);
  EXPECT_EQ(db->execute("INSERT INTO item(name) VALUES(?)", {}).error().code(), Code::kInternal);
  EXPECT_THAT(db->execute("SELEC 1").error().to_string(), HasSubstr("syntax error"));
  EXPECT_EQ(db->execute("DELETE FROM item; DELETE FROM item").error().code(), Code::kInternal);
  ASSERT_TRUE(db->execute("INSERT INTO item(name) VALUES('a')"));
  EXPECT_EQ(db->execute("INSERT INTO item(name) VALUES('a')").error().code(), Code::kAlreadyExists);
  EXPECT_EQ(db->execute("INSERT INTO item(name, size) VALUES('b', 'text')").error().code(), Code::kFailedPrecondition);
  const auto stop = [](const Row&) -> Result<> { return fail(Code::kCancelled, "enough"); };
  EXPECT_EQ(db->query("SELECT name FROM item", {}, stop).error().code(), Code::kCancelled);
}

TEST_F(DatabaseTest, TransactionsCommitOrLeaveNothing) {
  auto db = Database::open(path_, kBoth);
  const auto insert = [&] { return db->execute("INSERT INTO item(name) VALUES('a')"); };
  EXPECT_FALSE(db->transaction([&]() -> Result<> {
    REMIT_CHECK_OK(insert());
    return fail(Code::kCancelled, "changed my mind");
  }));
  EXPECT_EQ(db->query_integer("SELECT count(*) FROM item").value(), 0);
  EXPECT_TRUE(db->transaction([&]() -> Result<> {
    REMIT_CHECK_OK(insert());
    EXPECT_FALSE(db->transaction([] { return Result<>{}; }));
    return {};
  }));
  auto other = Database::open(path_, kBoth);
  EXPECT_EQ(other->query_integer("SELECT count(*) FROM item").value(), 1);
}

TEST_F(DatabaseTest, MigratesInOrderAndRefusesNewer) {
  {
    auto old = Database::open(path_, kFirst);
    ASSERT_TRUE(old);
    ASSERT_TRUE(old->execute("INSERT INTO item(name) VALUES('kept')"));
  }
  {
    auto now = Database::open(path_, kBoth);
    ASSERT_TRUE(now);
    EXPECT_EQ(now->query_text("SELECT name FROM item WHERE weight IS NULL").value(), "kept");
  }
  const auto older = Database::open(path_, kFirst);
  ASSERT_FALSE(older);
  EXPECT_EQ(older.error().code(), Code::kFailedPrecondition);
  constexpr std::string_view kBroken[] = {kOne, kTwo, "CREATE TABLE half(x); CREATE TABEL oops(y)"};
  EXPECT_FALSE(Database::open(path_, kBroken));
  auto again = Database::open(path_, kBoth);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->query_integer("SELECT count(*) FROM sqlite_master WHERE name = 'half'").value(), 0);
}

TEST_F(DatabaseTest, RubbishIsDataLossAndBusyIsUnavailable) {
  ASSERT_TRUE(write_file_atomic(path_, std::string(8192, 'r')));
  EXPECT_EQ(Database::open(path_, kBoth).error().code(), Code::kDataLoss);
  const std::string other = folder_ + "/y.db";
  auto one = Database::open(other, kBoth);
  auto two = Database::open(other, kBoth, {.busy_timeout = std::chrono::milliseconds(20)});
  ASSERT_TRUE(one->transaction([&]() -> Result<> {
    const auto blocked = two->transaction([] { return Result<>{}; });
    EXPECT_EQ(blocked.error().code(), Code::kUnavailable);
    return {};
  }));
  EXPECT_TRUE(two->transaction([] { return Result<>{}; }));
}

TEST_F(DatabaseTest, StatementCacheIsBoundedAndReentrant) {
  auto db = Database::open_in_memory(kBoth);
  for (std::size_t i = 0; i < kStatementCache * 3; ++i) {
    ASSERT_EQ(db->query_integer(fmt::format("SELECT {}", i)).value(), std::int64_t(i));
  }
  ASSERT_TRUE(db->execute("INSERT INTO item(name, size) VALUES('a', 1), ('b', 2)"));
  std::int64_t sum = 0;
  ASSERT_TRUE(db->query("SELECT name FROM item", {}, [&](const Row& row) -> Result<> {
    REMIT_TRY(const auto size, db->query_integer("SELECT size FROM item WHERE name = ?", {row.text(0)}));
    sum += *size;
    return {};
  }));
  EXPECT_EQ(sum, 3);
  EXPECT_FALSE(db->query("SELECT 1", {}, [&](const Row&) -> Result<> {
    REMIT_CHECK_OK(db->query_integer("SELECT 1"));
    return {};
  }));
}

TEST_F(DatabaseTest, ProcessesWaitForEachOther) {
  {
    ASSERT_TRUE(Database::open(path_, kBoth));
  }
  std::vector<pid_t> children;
  for (int c = 0; c < 4; ++c) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto db = Database::open(path_, kBoth);
      bool good = db.has_value();
      for (int i = 0; good && i < 50; ++i) {
        good = db->execute("INSERT INTO item(name) VALUES(?)", {fmt::format("{}-{}", c, i)}).has_value();
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 1;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Database::open(path_, kBoth)->query_integer("SELECT count(*) FROM item").value(), 200);
}

}  // namespace
}  // namespace remit::store

#include "resource/embedded_store.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "resource/mission.h"
#include "resource/store_conformance.h"
#include "store/database.h"

namespace remit::resource {
namespace {

constexpr std::int64_t kShortHistory = 400;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file() const { return path_ + "/objects.db"; }

 private:
  std::string path_;
};

class EmbeddedHarness final : public StoreHarness {
 public:
  EmbeddedHarness() : store_(open()) {}

  Store& store() override { return *store_; }
  asio::io_context& context() override { return context_; }
  std::int64_t event_history() const override { return kShortHistory; }

  // Another connection to the same file, as another process would have one.
  std::unique_ptr<EmbeddedStore> open() {
    auto opened = EmbeddedStore::open(folder_.file(), {.clock = &clock_, .rng = &rng_, .event_history = kShortHistory});
    EXPECT_TRUE(opened) << opened.error().to_string();
    return std::move(*opened);
  }
  void reopen() { store_.reset(), store_ = open(); }
  std::string file() const { return folder_.file(); }

 private:
  TemporaryFolder folder_;
  SystemClock clock_;
  SystemRng rng_;
  asio::io_context context_;
  std::unique_ptr<EmbeddedStore> store_;
};

INSTANTIATE_TEST_SUITE_P(Embedded, StoreConformance,
                         testing::Values(StoreHarnessFactory{"embedded",
                                                             [] { return std::make_unique<EmbeddedHarness>(); }}));

class EmbeddedStoreTest : public testing::Test {
 protected:
  static Object budget(std::string_view name) {
    Object out;
    out.content()["apiVersion"] = "remit.dev/v1alpha1";
    out.content()["kind"] = "Budget";
    out.set_name(name);
    out.spec()["costUSD"] = "5";
    return out;
  }
  template <typename T>
  Result<T> run(Task<Result<T>> task) {
    return harness_.run(std::move(task));
  }
  EmbeddedHarness harness_;
};

TEST_F(EmbeddedStoreTest, WhatIsKeptSurvivesReopening) {
  const auto made = run(harness_.store().create(budget("a")));
  ASSERT_TRUE(made);
  harness_.reopen();
  const auto found = run(harness_.store().get({"Budget", "", "a"}));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, *made);
}

TEST_F(EmbeddedStoreTest, AWatchSeesWhatAnotherConnectionWrites) {
  const auto other = harness_.open();
  auto watch = run(harness_.store().watch({.kind = "Budget"}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(run((*watch)->next()));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(run(other->create(budget("a"))));
  const auto event = run((*watch)->next());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->object.name(), "a");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  // And the other way round, with a conflict between the two.
  auto stale = *run(other->get({"Budget", "", "a"}));
  auto fresh = stale;
  fresh.set_label("x", "y");
  ASSERT_TRUE(run(harness_.store().update(fresh)));
  stale.set_label("x", "z");
  const auto refused = run(other->update(stale));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConflict);
}

// A process of its own, for what threads of one process cannot show. Returns its exit code.
int in_child(const std::string& file, int count) {
  const pid_t child = ::fork();
  if (child != 0) {
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  // Only the plain database here: the child of a process with threads should do little.
  auto database = store::Database::open(file, std::array<std::string_view, 1>{"SELECT 1"});
  if (!database) ::_exit(2);
  for (int i = 0; i < count; ++i) {
    const auto done = database->transaction([&]() -> Result<> {
      REMIT_CHECK_OK(database->execute("UPDATE versions SET current=current+1"));
      REMIT_TRY(const auto version, database->query_integer("SELECT current FROM versions"));
      const std::string content =
          fmt::format(R"({{"kind":"Budget","metadata":{{"name":"child{}","namespace":"default"}}}})", i);
      REMIT_CHECK_OK(database->execute(
          "INSERT INTO events(version, type, kind, content, labels_before) VALUES(?, 0, 'Budget', ?, '{}')",
          {*version, content}));
      return {};
    });
    if (!done) ::_exit(3);
  }
  ::_exit(0);
}

TEST_F(EmbeddedStoreTest, AWatchSeesWhatAnotherProcessWrites) {
  auto watch = run(harness_.store().watch({.kind = "Budget"}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(run((*watch)->next()));
  ASSERT_EQ(in_child(harness_.file(), 3), 0);
  for (int i = 0; i < 3; ++i) {
    const auto event = run((*watch)->next());
    ASSERT_TRUE(event);
    EXPECT_EQ(event->object.name(), fmt::format("child{}", i));
  }
}

TEST_F(EmbeddedStoreTest, MoreAtOnceThanTheHistoryHoldsExpiresAWatch) {
  auto watch = run(harness_.store().watch({.kind = "Budget"}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(run((*watch)->next()));
  // What another process does when it writes more than the history within one poll.
  auto database = store::Database::open(harness_.file(), std::array<std::string_view, 1>{"SELECT 1"});
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->transaction([&]() -> Result<> {
    REMIT_CHECK_OK(database->execute("UPDATE versions SET current=current+10, compacted=current+9"));
    REMIT_CHECK_OK(
        database->execute("INSERT INTO events(version, type, kind, content, labels_before) "
                          "SELECT current, 0, 'Budget', '{\"kind\":\"Budget\"}', '{}' FROM versions"));
    return {};
  }));
  const auto event = run((*watch)->next());
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code(), kExpired);
}

TEST_F(EmbeddedStoreTest, AQuietWatchGetsBookmarks) {
  auto watch = run(harness_.store().watch({.kind = "Mission"}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(run((*watch)->next()));
  ASSERT_TRUE(run(harness_.store().create(budget("a"))));
  for (std::int64_t i = 0; i < limits::kBookmarkEvery + 5; ++i) {
    const json::value merge = {{"metadata", {{"labels", {{"n", std::to_string(i)}}}}}};
    ASSERT_TRUE(run(harness_.store().patch({"Budget", "", "a"}, merge, PatchTarget::kObject)));
  }
  const auto event = run((*watch)->next());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, WatchEventType::kBookmark);
  EXPECT_TRUE(run(
      harness_.store().watch({.kind = "Mission", .resource_version = std::string(event->object.resource_version())})));
}

TEST_F(EmbeddedStoreTest, ClosingTheStoreEndsItsWatches) {
  auto second = harness_.open();
  auto watch = run(second->watch({.kind = "Budget"}));
  ASSERT_TRUE(watch);
  ASSERT_TRUE(run((*watch)->next()));
  second.reset();
  const auto event = run((*watch)->next());
  ASSERT_FALSE(event);
  EXPECT_EQ(event.error().code(), Code::kCancelled);
}

TEST_F(EmbeddedStoreTest, TooManyWatchesAreRefused) {
  std::vector<std::unique_ptr<Watch>> watches;
  for (std::size_t i = 0; i < limits::kWatches; ++i) {
    auto watch = run(harness_.store().watch({.kind = "Budget"}));
    ASSERT_TRUE(watch);
    watches.push_back(std::move(*watch));
  }
  const auto refused = run(harness_.store().watch({.kind = "Budget"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  watches.pop_back();
  EXPECT_TRUE(run(harness_.store().watch({.kind = "Budget"}))) << "a closed watch makes room";
}

TEST_F(EmbeddedStoreTest, TooManyWaitingCallsAreRefused) {
  // The file is locked, so that calls pile up behind the first write.
  auto database = store::Database::open(harness_.file(), std::array<std::string_view, 1>{"SELECT 1"});
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("BEGIN IMMEDIATE"));
  std::size_t done = 0, refused = 0;
  const std::size_t calls = limits::kStoreQueue + 2 * limits::kStoreBatch;
  for (std::size_t i = 0; i < calls; ++i) {
    asio::co_spawn(harness_.context(), harness_.store().create(budget(fmt::format("b{}", i))),
                   [&](std::exception_ptr error, Result<Object> result) {
                     EXPECT_FALSE(error);
                     ++done;
                     if (!result && result.error().code() == Code::kResourceExhausted) ++refused;
                   });
  }
  harness_.context().restart();
  while (harness_.context().run_one_for(std::chrono::milliseconds(200)) > 0 && refused == 0) {
  }
  EXPECT_GT(refused, 0u);
  ASSERT_TRUE(database->execute("ROLLBACK"));
  while (done < calls && harness_.context().run_one_for(std::chrono::seconds(10)) > 0) {
  }
  EXPECT_EQ(done, calls);
  EXPECT_LE(refused, 2 * limits::kStoreBatch);
}

TEST_F(EmbeddedStoreTest, AnObjectOverTheLimitIsRefused) {
  Object object = budget("a");
  for (int i = 0; i < 7; ++i) object.set_annotation(fmt::format("n{}", i), std::string(250'000, 'x'));
  const auto refused = run(harness_.store().create(object));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("at most 262144"));
}

TEST_F(EmbeddedStoreTest, AFileOfANewerVersionIsRefused) {
  TemporaryFolder folder;
  SystemClock clock;
  SystemRng rng;
  {
    auto database =
        store::Database::open(folder.file(), std::array<std::string_view, 3>{"SELECT 1", "SELECT 1", "SELECT 1"});
    ASSERT_TRUE(database);
  }
  const auto opened = EmbeddedStore::open(folder.file(), {.clock = &clock, .rng = &rng});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
}

TEST_F(EmbeddedStoreTest, WhatIsFixedInARunCannotChange) {
  Mission mission;
  mission.metadata.name = "m";
  mission.spec.goal = "old", mission.spec.model.name = "x", mission.spec.budget.limits.tokens = 100;
  auto object = *run(harness_.store().create(to_object(mission)));
  object.spec()["goal"] = "another";
  object = *run(harness_.store().update(object));
  object.status()["phase"] = "Running";
  object = *run(harness_.store().update_status(object));
  auto other_goal = object, raised = object, lowered = object;
  other_goal.spec()["goal"] = "a third";
  lowered.spec()["budget"] = json::object{{"tokens", 99}};
  raised.spec()["budget"] = json::object{{"tokens", 101}};
  EXPECT_THAT(run(harness_.store().update(other_goal)).error().message(),
              testing::HasSubstr("spec.goal: cannot change while a run is under way"));
  EXPECT_THAT(run(harness_.store().update(lowered)).error().message(),
              testing::HasSubstr("spec.budget.tokens: can only be raised"));
  const auto done = run(harness_.store().update(raised));
  ASSERT_TRUE(done) << done.error().to_string();
  EXPECT_EQ(done->generation(), 3);
}

}  // namespace
}  // namespace remit::resource

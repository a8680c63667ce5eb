// The conformance suite of Store: what every implementation must pass. A test file includes this, writes a
// StoreHarness, and calls
//   INSTANTIATE_TEST_SUITE_P(Embedded, StoreConformance, testing::Values(StoreHarnessFactory{"name", make}));
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resource/limits.h"
#include "resource/store.h"

namespace remit::resource {

// An empty store and the context that its callers run on.
class StoreHarness {
 public:
  virtual ~StoreHarness() = default;
  virtual Store& store() = 0;
  virtual asio::io_context& context() = 0;
  // How many events the store under test remembers; 0 when the test cannot choose a small number.
  virtual std::int64_t event_history() const { return 0; }
  // More events than may be on their way between the store and a watch that nobody reads, besides limits::kWatchBuffer.
  virtual std::size_t events_on_their_way() const { return 50; }

  // Runs one call to its end; a call that takes longer than ten seconds fails the test.
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> out;
    asio::co_spawn(context(), std::move(task), [&](std::exception_ptr error, T result) {
      EXPECT_FALSE(error);
      out.emplace(std::move(result));
    });
    context().restart();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!out && std::chrono::steady_clock::now() < end) context().run_one_for(std::chrono::milliseconds(50));
    if (!out) {
      ADD_FAILURE() << "the call did not end within ten seconds";
      std::abort();  // The coroutine still holds references to this frame.
    }
    return std::move(*out);
  }
};

struct StoreHarnessFactory {
  std::string name;
  std::function<std::unique_ptr<StoreHarness>()> make;
  friend void PrintTo(const StoreHarnessFactory& factory, std::ostream* out) { *out << factory.name; }
};

class StoreConformance : public testing::TestWithParam<StoreHarnessFactory> {
 protected:
  void SetUp() override { harness_ = GetParam().make(); }

  static Object budget(std::string_view name, std::string_view ns = "default", std::string_view cost = "5") {
    Object out;
    out.content()["apiVersion"] = "remit.dev/v1alpha1";
    out.content()["kind"] = "Budget";
    out.set_name(name), out.set_ns(ns);
    out.spec()["costUSD"] = json::string(jsv(cost));
    return out;
  }
  static Key key(std::string_view name, std::string_view ns = "default") {
    return {"Budget", std::string(ns), std::string(name)};
  }
  static void set_cost(Object& object, std::string_view cost) { object.spec()["costUSD"] = json::string(jsv(cost)); }
  static LabelSelector selector(std::string_view text) { return LabelSelector::parse(text).value(); }

  Store& store() { return harness_->store(); }
  template <typename T>
  T run(Task<T> task) {
    return harness_->run(std::move(task));
  }
  // For calls that must succeed.
  template <typename T>
  T good(Task<Result<T>> task) {
    auto result = run(std::move(task));
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().to_string());
    if (!result) std::abort();
    return std::move(*result);
  }
  template <typename T>
  Code code(Task<Result<T>> task) {
    auto result = run(std::move(task));
    EXPECT_FALSE(result.has_value());
    return result ? Code::kInternal : result.error().code();
  }
  Object create(Object object) { return good(store().create(std::move(object))); }
  ObjectList list(ListOptions options) { return good(store().list(std::move(options))); }
  std::unique_ptr<Watch> watch(WatchOptions options) { return good(store().watch(std::move(options))); }
  // "ADDED a", for each of the next `count` events.
  std::vector<std::string> next(Watch& from, int count) {
    std::vector<std::string> out;
    for (int i = 0; i < count; ++i) {
      const auto event = run(from.next());
      if (!event) {
        out.push_back("error " + std::string(to_string(event.error().code())));
        return out;
      }
      out.push_back(std::string(to_string(event->type)) + " " + std::string(event->object.name()));
    }
    return out;
  }

  // Makes the object change `count` times, many calls at once.
  void churn(Key which, std::size_t count) {
    constexpr std::size_t kAtOnce = 200;
    for (std::size_t begun = 0, done = 0; done < count;) {
      for (; begun < count && begun - done < kAtOnce; ++begun) {
        const json::value merge = {{"metadata", {{"labels", {{"churn", std::to_string(begun)}}}}}};
        asio::co_spawn(harness_->context(), store().patch(which, merge, PatchTarget::kObject),
                       [&](std::exception_ptr, Result<Object> result) {
                         EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().to_string());
                         ++done;
                       });
      }
      harness_->context().restart();
      const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
      while (done < begun && std::chrono::steady_clock::now() < end)
        harness_->context().run_one_for(std::chrono::milliseconds(50));
      if (done < begun) std::abort();
    }
  }

  std::unique_ptr<StoreHarness> harness_;
};

TEST_P(StoreConformance, CreateFillsInWhatTheStoreGives) {
  Object wanted = budget("a");
  wanted.status()["spent"] = json::object{{"tokens", 5}};
  const Object made = create(wanted);
  EXPECT_EQ(made.generation(), 1);
  EXPECT_EQ(made.uid().size(), 36u);
  EXPECT_FALSE(made.resource_version().empty());
  EXPECT_THAT(std::string(get_string(*made.find_metadata(), "creationTimestamp")), testing::HasSubstr("T"));
  EXPECT_EQ(made.find_status(), nullptr) << "status is written apart";
  EXPECT_EQ(good(store().get(key("a"))), made);
}

TEST_P(StoreConformance, CreateRefusesWhatIsThereOrInvalid) {
  create(budget("a"));
  EXPECT_EQ(code(store().create(budget("a"))), Code::kAlreadyExists);
  EXPECT_EQ(code(store().create(budget("Not_A_Name"))), Code::kInvalidArgument);
  Object unknown = budget("b");
  unknown.spec()["quux"] = 1;
  EXPECT_EQ(code(store().create(unknown)), Code::kInvalidArgument);
  Object versioned = budget("b");
  versioned.set_resource_version("1");
  EXPECT_EQ(code(store().create(versioned)), Code::kInvalidArgument);
  EXPECT_EQ(code(store().get(key("b"))), Code::kNotFound);
}

TEST_P(StoreConformance, GenerateNameGivesDifferentNames) {
  Object wanted = budget("");
  wanted.metadata()["generateName"] = "auto-";
  const Object first = create(wanted), second = create(wanted);
  EXPECT_THAT(std::string(first.name()), testing::MatchesRegex("auto-[a-z0-9]{5}"));
  EXPECT_NE(first.name(), second.name());
}

TEST_P(StoreConformance, NamespacesKeepObjectsApart) {
  create(budget("a", "one"));
  create(budget("a", "two", "7"));
  EXPECT_EQ(get_string(*good(store().get(key("a", "two"))).find_spec(), "costUSD"), "7");
  EXPECT_EQ(code(store().get(key("a", "three"))), Code::kNotFound);
  EXPECT_EQ(list({.kind = "Budget", .ns = "one"}).items.size(), 1u);
  EXPECT_EQ(list({.kind = "Budget"}).items.size(), 2u);
  EXPECT_EQ(list({.kind = "Mission"}).items.size(), 0u);
}

TEST_P(StoreConformance, UpdateNeedsTheVersionThatWasRead) {
  Object first = create(budget("a"));
  Object stale = first;
  set_cost(first, "6");
  const Object updated = good(store().update(first));
  EXPECT_NE(updated.resource_version(), first.resource_version());
  set_cost(stale, "7");
  EXPECT_EQ(code(store().update(stale)), Code::kConflict);
  Object blind = updated;
  blind.set_resource_version("");
  EXPECT_EQ(code(store().update(blind)), Code::kInvalidArgument);
  EXPECT_EQ(code(store().update(budget("other"))), Code::kNotFound);
  Object reborn = updated;
  reborn.metadata()["uid"] = "00000000-0000-4000-8000-000000000000";
  EXPECT_EQ(code(store().update(reborn)), Code::kConflict);
}

TEST_P(StoreConformance, GenerationCountsChangesOfSpecOnly) {
  Object object = create(budget("a"));
  object.set_label("team", "x");
  object = good(store().update(object));
  EXPECT_EQ(object.generation(), 1);
  set_cost(object, "6");
  object = good(store().update(object));
  EXPECT_EQ(object.generation(), 2);
  object.status()["spent"] = json::object{{"tokens", 5}};
  object = good(store().update_status(object));
  EXPECT_EQ(object.generation(), 2);
  const Object same = good(store().update(object));
  EXPECT_EQ(same.resource_version(), object.resource_version()) << "nothing changed";
}

TEST_P(StoreConformance, StatusAndSpecAreWrittenApart) {
  Object object = create(budget("a"));
  object.status()["spent"] = json::object{{"tokens", 5}};
  set_cost(object, "9");
  object = good(store().update_status(object));
  EXPECT_EQ(get_string(*object.find_spec(), "costUSD"), "5");
  EXPECT_EQ(get_int(*find_object(*object.find_status(), "spent"), "tokens"), 5);
  object.content().erase("status");
  set_cost(object, "9");
  object = good(store().update(object));
  EXPECT_EQ(get_string(*object.find_spec(), "costUSD"), "9");
  ASSERT_NE(object.find_status(), nullptr) << "an update leaves status as it is";
  object.status()["spent"] = "much";
  EXPECT_EQ(code(store().update_status(object)), Code::kInvalidArgument);
}

TEST_P(StoreConformance, SystemFieldsCannotBeWritten) {
  const Object made = create(budget("a"));
  Object changed = made;
  changed.metadata()["generation"] = 77;
  changed.metadata()["creationTimestamp"] = "2001-01-01T00:00:00Z";
  EXPECT_EQ(good(store().update(changed)), made);
}

TEST_P(StoreConformance, PatchMergesAndRemoves) {
  Object object = budget("a");
  object.set_label("x", "1"), object.set_label("y", "2");
  const Object made = create(object);
  const auto merge = parse_json(R"({"metadata": {"labels": {"x": null, "z": "3"}}, "spec": {"costUSD": "8"}})").value();
  const Object patched = good(store().patch(key("a"), merge, PatchTarget::kObject));
  EXPECT_EQ(patched.labels(), (std::map<std::string, std::string>{{"y", "2"}, {"z", "3"}}));
  EXPECT_EQ(patched.generation(), 2);
  const auto status = parse_json(R"({"spec": {"costUSD": "1"}, "status": {"spent": {"tokens": 4}}})").value();
  const Object with_status = good(store().patch(key("a"), status, PatchTarget::kStatus));
  EXPECT_EQ(get_string(*with_status.find_spec(), "costUSD"), "8");
  EXPECT_EQ(get_int(*find_object(*with_status.find_status(), "spent"), "tokens"), 4);
  const auto stale =
      parse_json(R"({"metadata": {"resourceVersion": ")" + std::string(made.resource_version()) + R"("}})").value();
  EXPECT_EQ(code(store().patch(key("a"), stale, PatchTarget::kObject)), Code::kConflict);
  EXPECT_EQ(code(store().patch(key("a"), parse_json(R"({"metadata": {"name": "b"}})").value(), PatchTarget::kObject)),
            Code::kInvalidArgument);
  EXPECT_EQ(code(store().patch(key("a"), parse_json(R"({"spec": {"costUSD": 5}})").value(), PatchTarget::kObject)),
            Code::kInvalidArgument);
  EXPECT_EQ(code(store().patch(key("b"), merge, PatchTarget::kObject)), Code::kNotFound);
}

TEST_P(StoreConformance, RemoveChecksItsPreconditions) {
  const Object made = create(budget("a"));
  EXPECT_EQ(code(store().remove(key("a"), {.uid = "other"})), Code::kConflict);
  EXPECT_EQ(code(store().remove(key("a"), {.resource_version = "999999"})), Code::kConflict);
  good(store().remove(key("a"),
                      {.uid = std::string(made.uid()), .resource_version = std::string(made.resource_version())}));
  EXPECT_EQ(code(store().get(key("a"))), Code::kNotFound);
  EXPECT_EQ(code(store().remove(key("a"), {})), Code::kNotFound);
  EXPECT_NE(create(budget("a")).uid(), made.uid());
}

TEST_P(StoreConformance, FinalizersHoldAnObjectBack) {
  Object wanted = budget("a");
  wanted.metadata()["finalizers"] = json::array{"remit.dev/clean"};
  create(wanted);
  Object marked = good(store().remove(key("a"), {}));
  EXPECT_TRUE(marked.is_deleting());
  Object kept = good(store().get(key("a")));
  kept.metadata().erase("finalizers");
  good(store().update(kept));
  EXPECT_EQ(code(store().get(key("a"))), Code::kNotFound);
}

TEST_P(StoreConformance, ListSelectsByLabelAndInPages) {
  for (const auto* name : {"c", "a", "b", "d"}) {
    Object object = budget(name);
    object.set_label("even", name[0] % 2 == 0 ? "yes" : "no");
    create(object);
  }
  EXPECT_EQ(list({.kind = "Budget", .selector = selector("even=yes")}).items.size(), 2u);
  EXPECT_EQ(list({.kind = "Budget", .selector = selector("even notin (yes)")}).items.size(), 2u);
  EXPECT_EQ(list({.kind = "Budget", .name = "c"}).items.size(), 1u);
  const auto first = list({.kind = "Budget", .limit = 3});
  ASSERT_EQ(first.items.size(), 3u);
  EXPECT_EQ(first.items[0].name(), "a");
  const auto second = list({.kind = "Budget", .limit = 3, .continue_token = first.continue_token});
  ASSERT_EQ(second.items.size(), 1u);
  EXPECT_EQ(second.items[0].name(), "d");
  EXPECT_EQ(second.continue_token, "");
  const auto exact = list({.kind = "Budget", .limit = 4});
  EXPECT_EQ(exact.continue_token, "");
  EXPECT_EQ(good(list_all(store(), {.kind = "Budget", .limit = 1})).items.size(), 4u);
  EXPECT_EQ(code(list_all(store(), {.kind = "Budget", .limit = 1}, 3)), Code::kResourceExhausted);
}

TEST_P(StoreConformance, WatchFromAListMissesNothing) {
  create(budget("a"));
  const auto listed = list({.kind = "Budget"});
  Object b = create(budget("b"));
  const auto events = watch({.kind = "Budget", .resource_version = listed.resource_version});
  set_cost(b, "6");
  good(store().update(b));
  good(store().remove(key("a"), {}));
  EXPECT_THAT(next(*events, 3), testing::ElementsAre("ADDED b", "MODIFIED b", "DELETED a"));
}

TEST_P(StoreConformance, WatchWithoutAVersionBeginsWithWhatThereIs) {
  create(budget("a"));
  create(budget("b"));
  const auto events = watch({.kind = "Budget"});
  create(budget("c"));
  EXPECT_THAT(next(*events, 4), testing::ElementsAre("ADDED a", "ADDED b", "BOOKMARK ", "ADDED c"));
}

TEST_P(StoreConformance, WatchEventsCarryTheVersionsOfTheStore) {
  const auto events = watch({.kind = "Budget"});
  next(*events, 1);
  const Object made = create(budget("a"));
  const auto added = run(events->next());
  ASSERT_TRUE(added);
  EXPECT_EQ(added->object, made);
  good(store().remove(key("a"), {}));
  const auto deleted = run(events->next());
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->object.uid(), made.uid());
  EXPECT_NE(deleted->object.resource_version(), made.resource_version()) << "a watch can go on from the deletion";
}

TEST_P(StoreConformance, WatchFiltersByNamespaceNameAndKind) {
  const auto in_one = watch({.kind = "Budget", .ns = "one"});
  const auto named = watch({.kind = "Budget", .name = "b"});
  const auto missions = watch({.kind = "Mission"});
  next(*in_one, 1), next(*named, 1), next(*missions, 1);
  create(budget("a", "one"));
  create(budget("b", "two"));
  create(budget("c", "one"));
  EXPECT_THAT(next(*in_one, 2), testing::ElementsAre("ADDED a", "ADDED c"));
  EXPECT_THAT(next(*named, 1), testing::ElementsAre("ADDED b"));
  missions->close();
  EXPECT_THAT(next(*missions, 1), testing::ElementsAre("error " + std::string(to_string(Code::kCancelled))));
}

TEST_P(StoreConformance, AnObjectEntersAndLeavesASelectorsView) {
  const auto events = watch({.kind = "Budget", .selector = selector("team=x")});
  next(*events, 1);
  Object object = create(budget("a"));
  object.set_label("team", "x");
  object = good(store().update(object));
  set_cost(object, "6");
  object = good(store().update(object));
  object.set_label("team", "y");
  object = good(store().update(object));
  good(store().remove(key("a"), {}));
  Object other = budget("b");
  other.set_label("team", "x");
  create(other);
  EXPECT_THAT(next(*events, 4), testing::ElementsAre("ADDED a", "MODIFIED a", "DELETED a", "ADDED b"));
}

TEST_P(StoreConformance, AWatchFromAForgottenVersionIsExpired) {
  if (harness_->event_history() == 0) GTEST_SKIP() << "the history of this store cannot be made short";
  const std::string old(create(budget("a")).resource_version());
  churn(key("a"), static_cast<std::size_t>(harness_->event_history()) + 1);
  EXPECT_EQ(code(store().watch({.kind = "Budget", .resource_version = old})), kExpired);
  EXPECT_EQ(code(store().watch({.kind = "Budget", .resource_version = "999999999"})), kExpired) << "from another store";
}

TEST_P(StoreConformance, AWatchThatFallsBehindEndsAsExpired) {
  const auto events = watch({.kind = "Budget"});
  next(*events, 1);
  create(budget("a"));
  churn(key("a"), limits::kWatchBuffer + harness_->events_on_their_way());
  std::vector<std::string> seen;
  do {
    seen = next(*events, 1);
  } while (!seen.back().starts_with("error"));
  EXPECT_EQ(seen.back(), "error " + std::string(to_string(kExpired)));
}

TEST_P(StoreConformance, ManyWritersLoseNoUpdate) {
  create(budget("a"));
  constexpr int kWriters = 8, kEach = 25;
  // Each reads, adds one and tries again on conflict.
  static constexpr auto add = [](Store* to, Key which, int times) -> Task<int> {
    int conflicts = 0;
    for (int i = 0; i < times;) {
      auto object = co_await to->get(which);
      if (!object) co_return -1;
      const auto* status = object->find_status();
      const auto* spent = status ? find_object(*status, "spent") : nullptr;
      object->status()["spent"] = json::object{{"tokens", (spent ? get_int(*spent, "tokens") : 0) + 1}};
      auto updated = co_await to->update_status(std::move(*object));
      if (updated)
        ++i;
      else if (updated.error().code() == Code::kConflict)
        ++conflicts;
      else
        co_return -1;
    }
    co_return conflicts;
  };
  int done = 0, conflicts = 0;
  for (int i = 0; i < kWriters; ++i) {
    asio::co_spawn(harness_->context(), add(&store(), key("a"), kEach), [&](std::exception_ptr error, int result) {
      EXPECT_FALSE(error);
      EXPECT_GE(result, 0);
      conflicts += result, ++done;
    });
  }
  harness_->context().restart();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (done < kWriters && std::chrono::steady_clock::now() < end)
    harness_->context().run_one_for(std::chrono::milliseconds(50));
  ASSERT_EQ(done, kWriters);
  EXPECT_EQ(get_int(*find_object(*good(store().get(key("a"))).find_status(), "spent"), "tokens"), kWriters * kEach);
  EXPECT_GT(conflicts, 0);
}

}  // namespace remit::resource

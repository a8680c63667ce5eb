#include "ledger/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/rng.h"
#include "ledger/leaf.h"

namespace remit::ledger {
namespace {

using testing::HasSubstr;

class AuthorityTest : public testing::Test {
 protected:
  AuthorityTest() {
    std::string name = (std::filesystem::temp_directory_path() / "remit-ledger-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ + "/ledger.db";
  }
  ~AuthorityTest() override { std::filesystem::remove_all(folder_); }

  Authority open() {
    auto authority = Authority::open(path_);
    EXPECT_TRUE(authority) << authority.error().to_string();
    return std::move(*authority);
  }
  static LeaseRequest want(std::string lease, std::string holder, std::string account, Amounts least, Amounts wanted) {
    return {std::move(lease), std::move(holder), std::move(account), least, wanted};
  }

  std::string folder_, path_;
};

TEST_F(AuthorityTest, AccountsFormATreeThatCannotBeRearranged) {
  Authority authority = open();
  EXPECT_EQ(authority.put_account("ns/a", "ns", {}).error().code(), Code::kNotFound);
  ASSERT_TRUE(authority.put_account("ns", "", {{1000}, 0, 0}));
  ASSERT_TRUE(authority.put_account("ns/a", "ns", {{500}, 0, 0}));
  EXPECT_EQ(authority.put_account("ns/a", "", {}).error().code(), Code::kConflict);
  EXPECT_EQ(authority.put_account("ns", "ns/a", {}).error().code(), Code::kConflict);
  EXPECT_EQ(authority.put_account("x", "", {{-1}, 0, 0}).error().code(), Code::kInvalidArgument);
  ASSERT_TRUE(authority.put_account("ns/a", "ns", {{700}, 0, 0}));
  EXPECT_EQ(authority.account("ns/a").value()->limit.cost.value, 700);
  EXPECT_EQ(authority.accounts().value().size(), 2u);
  std::string parent;
  Result<> made;
  for (int depth = 0; depth <= kAccountDepth && made; ++depth) {
    made = authority.put_account("d" + std::to_string(depth), parent, {});
    parent = "d" + std::to_string(depth);
  }
  EXPECT_THAT(made.error().message(), HasSubstr("kAccountDepth"));
}

TEST_F(AuthorityTest, LeasesWeighOnEveryAccountAboveUntilSettled) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("ns", "", {{1000}, 0, 0}));
  ASSERT_TRUE(authority.put_account("a", "ns", {{800}, 0, 0}));
  ASSERT_TRUE(authority.put_account("a/child", "a", {}));
  const Lease one = authority.acquire(want("r/1", "r", "a", {{100}, 1, 0}, {{600}, 50, 0})).value();
  EXPECT_EQ(one.amounts, (Amounts{{600}, 50, 0}));
  // The same lease again is the same lease.
  EXPECT_EQ(authority.acquire(want("r/1", "r", "a", {{100}, 0, 0}, {{600}, 0, 0})).value().amounts, one.amounts);
  EXPECT_EQ(authority.account("ns").value()->charged.cost.value, 600);
  // Of what the child wants only that fits which its parent has left.
  EXPECT_EQ(authority.acquire(want("c/1", "c", "a/child", {{50}, 0, 0}, {{500}, 0, 0})).value().amounts.cost.value,
            200);
  const auto refused = authority.acquire(want("c/2", "c", "a/child", {{1}, 0, 0}, {{1}, 0, 0}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.error().message(), HasSubstr("account a has no room for 1 more cost"));
  EXPECT_THAT(authority.unsettled().value(), testing::ElementsAre("c", "r"));
  ASSERT_TRUE(authority.settle("r", {{10}, 5, 0}, 1));
  ASSERT_TRUE(authority.settle("r", {{10}, 5, 0}, 1));
  EXPECT_EQ(authority.account("a").value()->charged.cost.value, 210);
  EXPECT_EQ(authority.account("ns").value()->spent, (Amounts{{10}, 5, 0}));
  // What was lent before does not come back by a late report.
  ASSERT_TRUE(authority.settle("r", {{4}, 2, 0}, 0));
  EXPECT_EQ(authority.account("ns").value()->spent, (Amounts{{10}, 5, 0}));
  EXPECT_TRUE(authority.audit());
}

TEST_F(AuthorityTest, SettlingWithALeaseOnItsWayKeepsItCharged) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("a", "", {{1000}, 0, 0}));
  ASSERT_TRUE(authority.acquire(want("r/1", "r", "a", {}, {{100}, 0, 0})));
  ASSERT_TRUE(authority.acquire(want("r/2", "r", "a", {}, {{100}, 0, 0})));
  ASSERT_TRUE(authority.settle("r", {{30}, 0, 0}, 1));
  EXPECT_EQ(authority.account("a").value()->charged.cost.value, 200);
  EXPECT_EQ(authority.account("a").value()->spent.cost.value, 30);
  ASSERT_TRUE(authority.settle("r", {{30}, 0, 0}, 2));
  EXPECT_EQ(authority.account("a").value()->charged.cost.value, 30);
  // A holder may come back: its next lease counts from what it has spent.
  const Lease again = authority.acquire(want("r/3", "r", "a", {}, {{100}, 0, 0})).value();
  EXPECT_EQ(again.total.cost.value, 130);
  EXPECT_EQ(again.number, 3u);
  // More than was leased was spent: it is charged all the same.
  ASSERT_TRUE(authority.settle("r", {{5000}, 0, 0}, 3));
  EXPECT_EQ(authority.account("a").value()->charged.cost.value, 5000);
  EXPECT_FALSE(authority.acquire(want("r/4", "r", "a", {{1}, 0, 0}, {})));
  EXPECT_EQ(authority.settle("r", {}, 9).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(authority.settle("nobody", {{1}, 0, 0}, 0).error().code(), Code::kNotFound);
  EXPECT_EQ(authority.acquire(want("r/5", "r", "b", {}, {})).error().code(), Code::kConflict);
  EXPECT_TRUE(authority.audit());
}

TEST_F(AuthorityTest, RaisingTwiceByTheSameChangeRaisesOnce) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("ns", "", {{1000}, 0, 3}));
  EXPECT_EQ(authority.raise("ns", {{500}, 10, 1}, "c1").value(), (Amounts{{1500}, 0, 4}));
  EXPECT_EQ(authority.raise("ns", {{500}, 10, 1}, "c1").value(), (Amounts{{1500}, 0, 4}));
  EXPECT_EQ(authority.raise("none", {{500}, 0, 0}, "c2").error().code(), Code::kNotFound);
  EXPECT_EQ(open().account("ns").value()->limit.cost.value, 1500);
}

TEST_F(AuthorityTest, AuditFindsBooksThatDoNotBalance) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("ns", "", {}));
  ASSERT_TRUE(authority.acquire(want("r/1", "r", "ns", {}, {{100}, 0, 0})));
  {
    auto database = store::Database::open(path_, std::array<std::string_view, 1>{""});
    ASSERT_TRUE(database->execute("UPDATE account SET charged_cost = 99"));
  }
  EXPECT_EQ(authority.audit().error().code(), Code::kDataLoss);
}

TEST_F(AuthorityTest, LeavesOfOneMissionShareWhatTheNamespaceHas) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("ns", "", {{1000}, 0, 0}));
  SimulatedClock clock;
  SeededRng rng(4);
  std::vector<Leaf> leaves;
  for (int i = 0; i < 3; ++i) {
    const std::string account = "ns/m" + std::to_string(i);
    ASSERT_TRUE(authority.put_account(account, "ns", {{900}, 0, 0}));
    leaves.emplace_back(LeafConfig{.run = Ulid::make(clock, rng),
                                   .account = account,
                                   .limits = {.amounts = {{900}, 0, 0}},
                                   .lease_chunk = {{200}, 0, 0}},
                        clock, &authority);
  }
  std::int64_t reserved = 0;
  for (std::uint64_t call = 1; call <= 40; ++call) {
    for (Leaf& leaf : leaves) {
      const Ulid run = Ulid::parse(leaf.next_lease().holder).value();
      if (leaf.reserve({run, call, 1}, {{30}, 0, 0})) reserved += 30;
    }
  }
  EXPECT_LE(reserved, 1000);
  EXPECT_GT(reserved, 900);
  EXPECT_EQ(authority.account("ns").value()->charged.cost.value, 1000);
  for (Leaf& leaf : leaves) {
    EXPECT_TRUE(leaf.exhausted());
    ASSERT_TRUE(authority.settle(leaf.next_lease().holder, leaf.spent(), leaf.leases_seen()));
  }
  EXPECT_EQ(authority.account("ns").value()->charged, Amounts{});
  EXPECT_TRUE(authority.audit());
}

TEST_F(AuthorityTest, RefillSparesTheReservationItsCommit) {
  Authority authority = open();
  ASSERT_TRUE(authority.put_account("ns", "", {{1000}, 0, 0}));
  SimulatedClock clock;
  SeededRng rng(4);
  const Ulid run = Ulid::make(clock, rng);
  Leaf leaf({.run = run, .account = "ns", .limits = {.amounts = {{1000}, 0, 0}}, .lease_chunk = {{100}, 0, 0}}, clock,
            &authority);
  ASSERT_TRUE(leaf.needs_refill());
  const LeaseRequest request = leaf.next_lease();
  const Lease lease = authority.acquire(request).value();
  leaf.add_lease(lease);
  leaf.add_lease(lease);
  EXPECT_FALSE(leaf.needs_refill());
  ASSERT_TRUE(leaf.reserve({run, 1, 1}, {{60}, 0, 0}));
  EXPECT_EQ(leaf.leases_seen(), 1u);
  EXPECT_TRUE(leaf.needs_refill());
  // The refill that was asked for and the one that reserve() needs meanwhile are the same lease.
  const LeaseRequest late = leaf.next_lease();
  ASSERT_TRUE(authority.acquire(late));
  ASSERT_TRUE(leaf.reserve({run, 2, 1}, {{90}, 0, 0}));
  EXPECT_EQ(leaf.leases_seen(), 2u);
  EXPECT_EQ(authority.account("ns").value()->charged.cost.value, 200);
}

// A process with a run is killed anywhere between lease, spending, and settlement. What the books charge is never less
// than what was spent, and after the resume has settled the run from its log it is exactly that.
class LeaseCrashTest : public testing::TestWithParam<int> {};

TEST_P(LeaseCrashTest, NeverLosesMoney) {
  SeededRng rng(std::uint64_t(GetParam()) * 31 + 5);
  auto authority = Authority::open(":memory:");
  ASSERT_TRUE(authority);
  const Amounts top{{3000}, 3000, 60}, mission{{2500}, 2500, 50};
  ASSERT_TRUE(authority->put_account("ns", "", top));
  ASSERT_TRUE(authority->put_account("m", "ns", mission));
  ASSERT_TRUE(authority->put_account("child", "m", {}));
  struct Run {
    Ulid id;
    std::string account;
    std::vector<RunRecord> log;  // What survives a crash.
    std::unique_ptr<Leaf> leaf;
    std::uint64_t call = 0;
  };
  SimulatedClock clock;
  std::vector<Run> runs;
  PriceTable prices;
  ASSERT_TRUE(prices.add_override("*", "*", {.input = 1'000'000, .output = 1'000'000}));
  const auto start = [&](Run& run) {
    run.leaf = std::make_unique<Leaf>(LeafConfig{.run = run.id,
                                                 .account = run.account,
                                                 .limits = {.amounts = mission},
                                                 .prices = prices,
                                                 .lease_chunk = {{300}, 300, 5}},
                                      clock, &*authority);
    for (const RunRecord& record : run.log) run.leaf->replay(record);
    for (const auto& open : run.leaf->unsettled()) {
      const Amounts charged = run.leaf->charge_in_full(open.attempt);
      run.log.push_back({.call = open.attempt.call, .body = Settled{.charged = charged}});
    }
    const auto state = authority->holder(run.id.to_string()).value();
    ASSERT_TRUE(authority->settle(run.id.to_string(), run.leaf->spent(), state ? state->leases : 0));
    if (!state) return;
    const HolderState settled = *authority->holder(run.id.to_string()).value();
    ASSERT_EQ(settled.spent, run.leaf->spent());
    run.leaf->continue_from(settled);
  };
  for (const char* account : {"m", "m", "child"}) {
    runs.push_back({.id = Ulid::make(clock, rng), .account = account, .log = {}, .leaf = nullptr});
    start(runs.back());
  }
  Action call;
  call.kind = ActionKind::kModelCall;
  call.model_request = std::make_shared<ModelRequest>();
  for (int step = 0; step < 150; ++step) {
    Run& run = runs[rng.below(runs.size())];
    const std::int64_t most = std::int64_t(rng.below(150)) + 1;
    const AttemptId attempt{run.id, ++run.call, 1};
    const bool logged_late = rng.below(8) == 0;
    if (run.leaf->reserve(attempt, {{most}, most, 1})) {
      // Reserved is in the log before the effect; a crash before that leaves only the lease.
      if (!logged_late) {
        run.log.push_back({.call = attempt.call, .body = Reserved{.amounts = {{most}, most, 1}}});
        if (rng.below(3) != 0) {
          Outcome outcome;
          outcome.usage.input = std::int64_t(rng.below(std::uint64_t(most) + 1));
          const Amounts charged = run.leaf->settle(attempt, call, outcome);
          run.log.push_back({.call = attempt.call, .body = Settled{.outcome = outcome, .charged = charged}});
        }
      }
    }
    // At every instant the books cover what the runs may have spent, and keep to the limits.
    Amounts spent;
    for (const Run& each : runs) {
      spent.cost += each.leaf->view().spent.cost + each.leaf->view().reserved.cost;
      spent.tokens += each.leaf->view().spent.tokens + each.leaf->view().reserved.tokens;
    }
    const Account ns = *authority->account("ns").value();
    ASSERT_GE(ns.charged.cost, spent.cost);
    ASSERT_GE(ns.charged.tokens, spent.tokens);
    ASSERT_LE(ns.charged.cost, top.cost);
    ASSERT_LE(authority->account("m").value()->charged.cost, mission.cost);
    if (rng.below(10) == 0) start(run);  // Crash and resume.
    // A report in between settles nothing.
    if (const auto seen = run.leaf->leases_seen(); seen > 0 && rng.below(10) == 0) {
      ASSERT_TRUE(authority->settle(run.id.to_string(), run.leaf->spent(), rng.below(seen)));
    }
    ASSERT_TRUE(authority->audit());
  }
  Amounts spent;
  for (Run& run : runs) {
    start(run);
    spent.cost += run.leaf->spent().cost, spent.tokens += run.leaf->spent().tokens,
        spent.calls += run.leaf->spent().calls;
  }
  EXPECT_EQ(authority->account("ns").value()->charged, spent);
  EXPECT_EQ(authority->account("ns").value()->spent, spent);
  EXPECT_TRUE(authority->unsettled().value().empty());
}

INSTANTIATE_TEST_SUITE_P(Seeds, LeaseCrashTest, testing::Range(0, 60));

// Several real processes lease from one file, and are killed while they do.
TEST_F(AuthorityTest, ProcessesThatAreKilledLeaveBalancedBooks) {
  {
    Authority authority = open();
    ASSERT_TRUE(authority.put_account("ns", "", {{100'000}, 0, 0}));
  }
  std::vector<pid_t> children;
  for (int child = 0; child < 3; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto authority = Authority::open(path_);
      const std::string holder = "r" + std::to_string(child);
      for (int i = 1; authority; ++i) {
        if (!authority->acquire({holder + "/" + std::to_string(i), holder, "ns", {{7}, 0, 0}, {{7}, 0, 0}})) ::_exit(1);
        if (i % 5 == 0 && !authority->settle(holder, {{i}, 0, 0}, std::uint64_t(i))) ::_exit(2);
      }
      ::_exit(3);
    }
    children.push_back(pid);
  }
  ::usleep(300'000);
  for (const pid_t pid : children) ::kill(pid, SIGKILL);
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  }
  Authority authority = open();
  EXPECT_TRUE(authority.audit());
  EXPECT_GT(authority.account("ns").value()->charged.cost.value, 0);
}

}  // namespace
}  // namespace remit::ledger

#include "policy/approvals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "base/rng.h"

namespace remit::policy {
namespace {

using testing::HasSubstr;

template <typename T>
T run(Task<T> task) {
  asio::io_context io;
  std::optional<T> out;
  asio::co_spawn(io, std::move(task), [&](std::exception_ptr, T value) { out = std::move(value); });
  io.run();
  return std::move(*out);
}

class Approvals : public testing::Test {
 protected:
  Approvals() {
    SimulatedClock clock;
    SeededRng rng(3);
    context_.run = Ulid::make(clock, rng), other_.run = Ulid::make(clock, rng);
    action_.tool = "mail.send", action_.args = {{"to", "a@example.com"}};
    asked_.decision = Decision::kAsk, asked_.rule = "mail", asked_.reason = "rule 'mail' asks before mail.send";
  }
  Verdict decide(const Action& action, const CallContext& context) {
    return run(stage_.decide(action, context, asked_));
  }

  MemoryApprovalBook book_;
  ApprovalStage stage_{book_, OnAsk::kWait};
  CallContext context_, other_;
  Action action_;
  Verdict asked_;
};

TEST_F(Approvals, WhatIsAllowedPasses) {
  EXPECT_EQ(run(stage_.decide(action_, context_, Verdict::allow("permissions", "x"))).decision, Decision::kAllow);
}

TEST_F(Approvals, AnAskIsAnsweredWithTheApprovalsName) {
  const auto verdict = decide(action_, context_);
  EXPECT_EQ(verdict.decision, Decision::kAsk);
  EXPECT_EQ(verdict.layer, "human");
  EXPECT_EQ(verdict.rule, "mail");
  EXPECT_EQ(verdict.approval, "approval-000001");
  EXPECT_THAT(verdict.suggestion, HasSubstr("remit approve approval-000001"));
  EXPECT_EQ(decide(action_, context_).approval, verdict.approval);  // A retry makes no second one.
}

TEST_F(Approvals, AGrantIsUsedOnce) {
  const auto name = decide(action_, context_).approval;
  ASSERT_TRUE(book_.approve(name, GrantScope::kOnce, "ada"));
  const auto granted = decide(action_, context_);
  EXPECT_EQ(granted.decision, Decision::kAllow);
  EXPECT_EQ(granted.reason, "approved once by ada");
  const auto again = decide(action_, context_);
  EXPECT_EQ(again.decision, Decision::kAsk);
  EXPECT_NE(again.approval, name);
}

TEST_F(Approvals, AGrantForTheRunLasts) {
  ASSERT_TRUE(book_.approve(decide(action_, context_).approval, GrantScope::kRun, "ada"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(decide(action_, context_).decision, Decision::kAllow);
}

TEST_F(Approvals, AGrantIsBoundToTheActionAndTheRun) {
  ASSERT_TRUE(book_.approve(decide(action_, context_).approval, GrantScope::kRun, "ada"));
  auto changed = action_;
  changed.args["to"] = "b@example.com";
  EXPECT_EQ(decide(changed, context_).decision, Decision::kAsk);
  EXPECT_EQ(decide(action_, other_).decision, Decision::kAsk);
  auto reworded = action_;  // What does not count for the hash does not count here.
  reworded.justification = "please";
  EXPECT_EQ(decide(reworded, context_).decision, Decision::kAllow);
}

TEST_F(Approvals, ARejectionStandsForTheRun) {
  ASSERT_TRUE(book_.reject(decide(action_, context_).approval, "ada", "not to outsiders"));
  for (int i = 0; i < 2; ++i) {
    const auto verdict = decide(action_, context_);
    EXPECT_EQ(verdict.decision, Decision::kDeny);
    EXPECT_EQ(verdict.reason, "ada rejected it: not to outsiders");
  }
}

TEST_F(Approvals, AnAnswerIsGivenOnce) {
  const auto name = decide(action_, context_).approval;
  ASSERT_TRUE(book_.reject(name, "ada", ""));
  EXPECT_EQ(book_.approve(name, GrantScope::kRun, "bob").error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(book_.approve("nothing", GrantScope::kRun, "bob").error().code(), Code::kNotFound);
}

TEST_F(Approvals, OnAskRejectDenies) {
  ApprovalStage stage(book_, OnAsk::kReject);
  const auto verdict = run(stage.decide(action_, context_, asked_));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_THAT(verdict.reason, HasSubstr("--on-ask=reject"));
}

TEST_F(Approvals, AuditAsksNobody) {
  asked_.audit_only = true;
  const auto verdict = decide(action_, context_);
  EXPECT_TRUE(verdict.allows());
  EXPECT_EQ(verdict.decision, Decision::kAsk);
  EXPECT_EQ(verdict.approval, "");
}

TEST_F(Approvals, OpenOnesAreBounded) {
  for (std::size_t i = 0; i < kPendingApprovalsPerRun; ++i) {
    action_.args["n"] = i;
    ASSERT_EQ(decide(action_, context_).decision, Decision::kAsk);
  }
  action_.args["n"] = -1;
  const auto verdict = decide(action_, context_);
  EXPECT_EQ(verdict.decision, Decision::kUnavailable);
  EXPECT_THAT(verdict.reason, HasSubstr("kPendingApprovalsPerRun"));
  EXPECT_EQ(decide(action_, other_).decision, Decision::kAsk);
}

}  // namespace
}  // namespace remit::policy

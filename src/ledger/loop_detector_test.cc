#include "ledger/loop_detector.h"

#include <gtest/gtest.h>

#include <string>

namespace remit::ledger {
namespace {

TEST(LoopDetector, NudgesAtTheThirdSightInAnyOrderThenEscalates) {
  LoopDetector loops;
  EXPECT_EQ(loops.observe("ls", "a"), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("cat", "b"), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("ls", "a"), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("cat", "b"), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("ls", "a"), LoopSignal::kNudge);
  EXPECT_EQ(loops.observe("cat", "b"), LoopSignal::kEscalate);
  EXPECT_EQ(loops.observe("ls", "a"), LoopSignal::kEscalate);
  EXPECT_EQ(loops.strikes(), 3u);
}

TEST(LoopDetector, AnotherObservationIsProgress) {
  LoopDetector loops;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(loops.observe("make test", std::to_string(i)), LoopSignal::kNone);
}

TEST(LoopDetector, PollersAreExempt) {
  LoopDetector loops;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(loops.observe("status", "pending", true), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("status", "pending"), LoopSignal::kNone);
}

TEST(LoopDetector, ForgetsWhatItHasNotSeenForLongest) {
  LoopDetector loops;
  loops.observe("old", "x");
  loops.observe("old", "x");
  for (std::size_t i = 0; i < kLoopMemory; ++i) loops.observe("other", std::to_string(i));
  EXPECT_EQ(loops.observe("old", "x"), LoopSignal::kNone);
}

TEST(LoopDetector, LimitsAreConfigurable) {
  LoopDetector loops({.repeats = 2, .nudges = 2});
  EXPECT_EQ(loops.observe("a", "b"), LoopSignal::kNone);
  EXPECT_EQ(loops.observe("a", "b"), LoopSignal::kNudge);
  EXPECT_EQ(loops.observe("a", "b"), LoopSignal::kNudge);
  EXPECT_EQ(loops.observe("a", "b"), LoopSignal::kEscalate);
}

}  // namespace
}  // namespace remit::ledger

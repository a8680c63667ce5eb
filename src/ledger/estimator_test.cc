#include "ledger/estimator.h"

#include <gtest/gtest.h>

namespace remit::ledger {
namespace {

ModelRequest request_of(std::size_t bytes, std::int64_t max_output = 0) {
  ModelRequest request{.provider = "p", .model = "m", .max_output_tokens = max_output};
  request.messages.push_back({.role = Role::kUser, .text = std::string(bytes, 'x')});
  return request;
}

TEST(Estimator, StartsPessimisticAndLearnsTheDensityOfAModel) {
  Estimator estimator;
  const ModelRequest request = request_of(40'000);
  EXPECT_GE(estimator.estimate(request).input, 20'000);
  estimator.learn(request, {.input = 10'000, .output = 10});
  const auto learned = estimator.estimate(request).input;
  EXPECT_GT(learned, 10'000);
  EXPECT_LT(learned, 13'000);
  // One dense request raises the bound at once; it sinks slowly again.
  estimator.learn(request, {.input = 30'000, .output = 10});
  EXPECT_GT(estimator.estimate(request).input, 30'000);
  estimator.learn(request, {.input = 10'000, .output = 10});
  EXPECT_GT(estimator.estimate(request).input, 30'000);
  for (int i = 0; i < 400; ++i) estimator.learn(request, {.input = 10'000, .output = 10});
  EXPECT_LT(estimator.estimate(request).input, 13'000);
}

TEST(Estimator, OutputIsWhatIsAllowedElseTheLearnedPercentile) {
  Estimator estimator;
  EXPECT_EQ(estimator.estimate(request_of(10, 77)).output, 77);
  for (int i = 1; i < int(kAnswersNeeded); ++i) estimator.learn(request_of(10), {.input = 5, .output = 100});
  EXPECT_EQ(estimator.estimate(request_of(10)).output, kDefaultOutputTokens);
  for (int i = 0; i < 100; ++i) estimator.learn(request_of(10), {.input = 5, .output = i});
  EXPECT_GE(estimator.estimate(request_of(10)).output, 90);
  EXPECT_LE(estimator.estimate(request_of(10)).output, 99);
}

TEST(Estimator, CountsEverythingThatBecomesTokens) {
  ModelRequest request = request_of(100);
  const auto before = request_bytes(request);
  request.messages.push_back({.role = Role::kAssistant, .tool_uses = {{"id", "shell_run", R"({"command": "ls"})"}}});
  request.tools.push_back({"shell_run", "Runs a command.", {{"type", "object"}}});
  EXPECT_GE(request_bytes(request), before + 50);
}

TEST(Estimator, LearnsAtMostSoManyModels) {
  Estimator estimator;
  ModelRequest request = request_of(40'000);
  for (std::size_t i = 0; i <= kModelsLearned; ++i) {
    request.model = "m" + std::to_string(i);
    estimator.learn(request, {.input = 10'000, .output = 1});
  }
  EXPECT_GE(estimator.estimate(request).input, 20'000);
  request.model = "m0";
  EXPECT_LT(estimator.estimate(request).input, 13'000);
}

}  // namespace
}  // namespace remit::ledger

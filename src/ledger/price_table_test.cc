#include "ledger/price_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace remit::ledger {
namespace {

using testing::HasSubstr;

TEST(Price, IsSummedByPartAndRoundedUpOnce) {
  const ModelPrice price{.input = 3'000'000,
                         .cached_input = 300'000,
                         .cache_write = 3'750'000,
                         .output = 15'000'000,
                         .reasoning = 20'000'000};
  EXPECT_EQ(cost_of(price, {}).value, 0);
  EXPECT_EQ(cost_of(price, {.input = 1}).value, 3);
  EXPECT_EQ(cost_of(price, {.input = 1, .cached_input = 1}).value, 1);  // 0.3 micro-USD.
  EXPECT_EQ(cost_of(price, {.input = 10, .cached_input = 4, .cache_write = 2, .output = 5, .reasoning = 2}).value,
            106);  // 12 + 1.2 + 7.5 + 45 + 40 = 105.7; rounded part by part it would be 107.
}

TEST(Price, HugeAndInconsistentCountsNeitherOverflowNorGoBelowZero) {
  const ModelPrice price{kMaxPrice, kMaxPrice, kMaxPrice, kMaxPrice, kMaxPrice};
  EXPECT_EQ(cost_of(price, {.input = INT64_MAX, .output = INT64_MAX}), kMoneyLimit);
  EXPECT_EQ(cost_of({.input = 1'000'000}, {.input = -5}).value, 0);
  // A provider that counts its cached tokens apart from the input is charged for both parts it names.
  EXPECT_EQ(cost_of({.input = 1'000'000, .cached_input = 100'000}, {.input = 10, .cached_input = 50}).value, 5);
}

TEST(PriceTable, KnowsPublicModelsExactlyAndBySnapshot) {
  const PriceTable& table = PriceTable::built_in();
  EXPECT_EQ(table.find("openai", "gpt-4o").value().input, 2'500'000);
  EXPECT_EQ(table.find("openai", "gpt-4o-2024-08-06").value().output, 10'000'000);
  EXPECT_EQ(table.find("openai", "gpt-4o-2024-05-13").value().output, 15'000'000);
  EXPECT_EQ(table.find("openai", "gpt-4o-mini").value().cached_input, 75'000);
  EXPECT_EQ(table.find("anthropic", "claude-sonnet-4-5-20250929").value().cache_write, 3'750'000);
  EXPECT_EQ(table.find("my-gateway", "gpt-4o", "openai").value().input, 2'500'000);
  EXPECT_FALSE(table.find("openai", "gpt-4o-audio-preview"));
  EXPECT_FALSE(table.find("my-gateway", "gpt-4o"));
  EXPECT_THAT(table.version(), testing::MatchesRegex("20..-..-.."));
}

TEST(PriceTable, AnUnknownModelIsRefusedOrCostsTheCeilingButIsNeverFree) {
  PriceTable table = PriceTable::built_in();
  const auto unknown = table.find("default", "some-model");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code(), Code::kFailedPrecondition);
  EXPECT_THAT(unknown.error().message(), HasSubstr("add one"));
  table.set_ceiling(ModelPrice{1, 2, 3, 4, 5});
  EXPECT_EQ(table.find("default", "some-model").value().output, 4);
  EXPECT_EQ(table.find("openai", "gpt-4o").value().input, 2'500'000);
}

TEST(PriceTable, OverridesComeFirstAndTheLatestWins) {
  PriceTable table = PriceTable::built_in();
  ASSERT_TRUE(table.add_override("local", "*", ModelPrice{}));  // Written down: free.
  ASSERT_TRUE(table.add_override("openai", "gpt-4o*", ModelPrice{.input = 7}));
  ASSERT_TRUE(table.add_override("openai", "gpt-4o", ModelPrice{.input = 8}));
  EXPECT_EQ(table.find("local", "llama").value(), ModelPrice{});
  EXPECT_EQ(table.find("openai", "gpt-4o").value().input, 8);
  EXPECT_EQ(table.find("openai", "gpt-4o-audio").value().input, 7);
  EXPECT_FALSE(table.add_override("x", "y", ModelPrice{.input = -1}));
  EXPECT_FALSE(table.add_override("x", "", ModelPrice{}));
}

TEST(PriceTable, ReadsItsFormatAndSaysWhatIsWrong) {
  const auto table = PriceTable::parse(
      R"({"version": "v", "prices": [{"model": "a*", "input": "1", "output": "2.5"}, {"model": "ab*", "input": "0", "output": "0"}]})");
  ASSERT_TRUE(table) << table.error().to_string();
  const ModelPrice expected{1'000'000, 1'000'000, 1'000'000, 2'500'000, 2'500'000};
  EXPECT_EQ(table->find("any", "ax").value(), expected);
  EXPECT_EQ(table->find("any", "abx").value(), ModelPrice{});
  const auto error = [](std::string_view text) { return PriceTable::parse(text).error().to_string(); };
  EXPECT_THAT(error("{"), HasSubstr(""));
  EXPECT_THAT(error(R"({"prices": []})"), HasSubstr("version"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"model": "a", "input": "1"}]})"), HasSubstr("'output'"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"model": "a", "input": 1, "output": "1"}]})"),
              HasSubstr("decimal string"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"model": "a", "input": "-1", "output": "1"}]})"),
              HasSubstr("'input'"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"model": "a", "input": "1", "output": "1", "ouput": "1"}]})"),
              HasSubstr("ouput"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"input": "1", "output": "1"}]})"), HasSubstr("'model'"));
  EXPECT_THAT(error(R"({"version": "v", "prices": [{"model": "a", "input": "9000000", "output": "1"}]})"),
              HasSubstr("outside"));
}

TEST(Glob, MatchesRuns) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("a*c*", "abcd"));
  EXPECT_TRUE(matches_glob("a**c", "ac"));
  EXPECT_FALSE(matches_glob("a*c", "abcd"));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_TRUE(matches_glob("*ab*ab", "xababab"));
}

}  // namespace
}  // namespace remit::ledger

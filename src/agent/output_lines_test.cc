#include "agent/output_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace remit::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
constexpr auto kOut = OutputLines::Stream::kStdout;
constexpr auto kErr = OutputLines::Stream::kStderr;

TEST(OutputLines, GivesWholeLinesOfEachStream) {
  OutputLines lines("");
  EXPECT_THAT(lines.add(kOut, "one\ntw"), ElementsAre("one"));
  EXPECT_THAT(lines.add(kErr, "oops\r\n"), ElementsAre("oops"));
  EXPECT_THAT(lines.add(kOut, "o\n\nthree"), ElementsAre("two", ""));
  EXPECT_THAT(lines.finish(), ElementsAre("three"));
  EXPECT_THAT(lines.finish(), IsEmpty());
  EXPECT_EQ(lines.tail(kOut), "one\ntwo\n\nthree");
  EXPECT_EQ(lines.tail(kErr), "oops\r\n");
}

TEST(OutputLines, BreaksLongLinesAndMendsUtf8) {
  OutputLines lines("");
  const auto given = lines.add(kOut, std::string(2 * kOutputLineBytes + 1, 'x') + "\n\xff\n");
  ASSERT_EQ(given.size(), 4u);
  EXPECT_EQ(given[0].size(), kOutputLineBytes);
  EXPECT_EQ(given[2], "x");
  EXPECT_EQ(given[3], "\xEF\xBF\xBD");
}

TEST(OutputLines, MasksTheKeyWhereverItComes) {
  OutputLines lines("rk-secret");
  EXPECT_THAT(lines.add(kOut, "a rk-sec"), IsEmpty());
  EXPECT_THAT(lines.add(kOut, "ret b rk-secret\n"), ElementsAre("a *** b ***"));
  EXPECT_THAT(lines.tail(kOut), Not(HasSubstr("rk-secret")));
}

TEST(OutputLines, RecordsUpToItsLimitAndKeepsTheEnd) {
  OutputLines lines("");
  std::size_t bytes = 0;
  std::string last;
  for (int i = 0; i < 3000; ++i) {
    for (auto& line : lines.add(kOut, std::string(999, 'y') + "\n")) bytes += line.size(), last = line;
  }
  EXPECT_LE(bytes, kRecordedOutputBytes + 200);
  EXPECT_THAT(last, HasSubstr("more output"));
  EXPECT_THAT(lines.add(kErr, "the end\n"), IsEmpty());
  EXPECT_EQ(lines.tail(kErr), "the end\n");
  EXPECT_LE(lines.tail(kOut).size(), kOutputTailBytes);
  EXPECT_THAT(lines.finish(), IsEmpty());
}

}  // namespace
}  // namespace remit::agent

#include "sandbox/workspace/base_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "base/strings.h"
#include "sandbox/workspace/test_support.h"

namespace remit::sandbox {
namespace {

using namespace testing;

class BaseLogTest : public ::testing::Test {
 protected:
  BaseLogTest() : folder(::open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}
  Result<BaseLog> open() { return BaseLog::open(folder.get(), "log", false); }
  std::string file() { return temp.path() + "/log"; }

  TempFolder temp;
  UniqueFd folder;
};

TEST_F(BaseLogTest, KeepsTheFirstFingerprintOverAReopening) {
  {
    auto log = open();
    ASSERT_TRUE(log);
    log->add("a b\"\xc3\xa4", {Fingerprint::Type::kFile, 5, 6, 7, 8, "abc", true});
    log->add("a b\"\xc3\xa4", {});
    log->add("none", {});
    ASSERT_TRUE(log->flush());
  }
  auto log = open();
  ASSERT_TRUE(log) << log.error().to_string();
  const auto* found = log->find("a b\"\xc3\xa4");
  ASSERT_NE(found, nullptr);
  EXPECT_TRUE(found->same_stat({Fingerprint::Type::kFile, 5, 6, 7, 8, "", false}));
  EXPECT_EQ(found->sha256, "abc");
  EXPECT_TRUE(found->late);
  EXPECT_EQ(log->find("none")->type, Fingerprint::Type::kAbsent);
  ASSERT_TRUE(log->clear());
  log->add("x", {});
  ASSERT_TRUE(log->flush());
  EXPECT_EQ(open()->find("none"), nullptr);
  EXPECT_NE(open()->find("x"), nullptr);
}

TEST_F(BaseLogTest, ATornEndIsCutAtAnyByte) {
  {
    auto log = open();
    log->add("first", {});
    ASSERT_TRUE(log->flush());
  }
  const std::string whole = get_file(file());
  const std::string more = base_log_line("second", {Fingerprint::Type::kFile, 1, 2, 3, 4, "", false});
  for (std::size_t cut = 0; cut < more.size(); ++cut) {
    put_file(file(), whole + more.substr(0, cut));
    auto log = open();
    ASSERT_TRUE(log) << cut;
    EXPECT_NE(log->find("first"), nullptr);
    EXPECT_EQ(log->find("second"), nullptr) << cut;
    EXPECT_EQ(get_file(file()), whole);
  }
}

TEST_F(BaseLogTest, DamageBeforeTheEndIsRefused) {
  {
    auto log = open();
    log->add("first", {});
    log->add("second", {});
    ASSERT_TRUE(log->flush());
  }
  std::string text = get_file(file());
  text[text.find("first")] = 'F';
  put_file(file(), text);
  EXPECT_EQ(open().error().code(), Code::kDataLoss);
}

TEST_F(BaseLogTest, ANewerVersionIsRefused) {
  const std::string header = R"({"schema":"remit.base/v1","version":2})";
  put_file(file(), sha256_hex(header).substr(0, 16) + " " + header + "\n");
  EXPECT_EQ(open().error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace remit::sandbox

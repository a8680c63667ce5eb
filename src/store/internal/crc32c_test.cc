#include "store/internal/crc32c.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace remit::store {
namespace {

// The examples of RFC 3720, appendix B.4.
TEST(Crc32c, AgreesWithTheRfc) {
  EXPECT_EQ(crc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending.push_back(char(i));
  EXPECT_EQ(crc32c(0, ascending), 0x46dd794eu);
  EXPECT_EQ(crc32c(0, "123456789"), 0xe3069283u);
}

TEST(Crc32c, InstructionAndTableAgreeAndContinue) {
  SeededRng rng(5);
  for (int i = 0; i < 200; ++i) {
    std::string bytes(rng.below(300), '\0');
    for (auto& c : bytes) c = char(rng.next());
    const std::uint32_t whole = crc32c(0, bytes);
    EXPECT_EQ(whole, crc32c_portable(0, bytes));
    const std::size_t cut = rng.below(bytes.size() + 1);
    const std::string_view view(bytes);
    EXPECT_EQ(crc32c(crc32c(0, view.substr(0, cut)), view.substr(cut)), whole);
  }
}

}  // namespace
}  // namespace remit::store

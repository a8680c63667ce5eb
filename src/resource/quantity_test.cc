#include "resource/quantity.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace remit::resource {
namespace {

using namespace std::chrono_literals;

TEST(Duration, IsReadAsGep2257HasIt) {
  EXPECT_EQ(parse_duration("15m"), Duration(15min));
  EXPECT_EQ(parse_duration("1h30m"), Duration(90min));
  EXPECT_EQ(parse_duration("1h2m3s4ms"), Duration(1h + 2min + 3s + 4ms));
  EXPECT_EQ(parse_duration("0s"), Duration(0));
  EXPECT_EQ(parse_duration("10s30m1h"), Duration(1h + 30min + 10s));
  EXPECT_EQ(parse_duration("99999h"), Duration(99999h));
  for (const auto* bad : {"", "1", "m", "1.5h", "-1m", "+1m", "1us", "1ns", "1d", "100000h", "1h1m1s1ms1h", "1 m",
                          " 1m", "1m ", "1M", "1hm"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Duration, IsWrittenShortestAndReadBack) {
  EXPECT_EQ(format_duration(90min), "1h30m");
  EXPECT_EQ(format_duration(Duration(0)), "0s");
  EXPECT_EQ(format_duration(1ns), "1ms") << "rounded up: a limit never becomes none";
  EXPECT_EQ(format_duration(-5s), "0s");
  EXPECT_EQ(format_duration(Duration::max()), "99999h59m59s999ms");
  SeededRng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const Duration duration = std::chrono::milliseconds(rng.below(99999LL * 3'600'000));
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

TEST(Quantity, BytesAreReadAsKubernetesDoes) {
  EXPECT_EQ(parse_bytes("512Mi"), ByteSize{512LL << 20});
  EXPECT_EQ(parse_bytes("1.5Gi"), ByteSize{3LL << 29});
  EXPECT_EQ(parse_bytes("2G"), ByteSize{2'000'000'000});
  EXPECT_EQ(parse_bytes("1e3"), ByteSize{1000});
  EXPECT_EQ(parse_bytes("1E3"), ByteSize{1000});
  EXPECT_EQ(parse_bytes("1E"), ByteSize{1'000'000'000'000'000'000});
  EXPECT_EQ(parse_bytes("1500m"), ByteSize{2}) << "rounded up";
  EXPECT_EQ(parse_bytes("0.1"), ByteSize{1});
  EXPECT_EQ(parse_bytes("0.1Ki"), ByteSize{103});
  EXPECT_EQ(parse_bytes("9223372036854775807"), ByteSize{INT64_MAX});
  for (const auto* bad : {"", "Mi", "-1", "+1", "1 Mi", "1mi", "1KiB", "1.2.3", ".", "8Ei", "9223372036854775808",
                          "1e99", "1e19", "0x10", "NaN"}) {
    EXPECT_FALSE(parse_bytes(bad)) << bad;
  }
}

TEST(Quantity, CpuIsInThousandths) {
  EXPECT_EQ(parse_cpu("2"), CpuAmount{2000});
  EXPECT_EQ(parse_cpu("250m"), CpuAmount{250});
  EXPECT_EQ(parse_cpu("0.5"), CpuAmount{500});
  EXPECT_EQ(parse_cpu("1n"), CpuAmount{1});
  EXPECT_EQ(format_cpu({1500}), "1500m");
  EXPECT_EQ(format_cpu({2000}), "2");
}

TEST(Quantity, IsReadBack) {
  SeededRng rng(11);
  for (int i = 0; i < 2000; ++i) {
    const ByteSize size{static_cast<std::int64_t>(rng.next() >> (1 + rng.below(60)) << rng.below(20) & INT64_MAX)};
    EXPECT_EQ(parse_bytes(format_bytes(size)), size) << size.bytes;
    const CpuAmount cpu{static_cast<std::int64_t>(rng.below(1'000'000))};
    EXPECT_EQ(parse_cpu(format_cpu(cpu)), cpu);
  }
}

}  // namespace
}  // namespace remit::resource

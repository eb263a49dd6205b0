#include "pipeline/base/hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "pipeline/base/bytes.h"
#include "pipeline/base/result.h"

namespace echoloop {
namespace {

TEST(Murmur2, GivesTheValuesOfKafkasJavaClient) {
  // UtilsTest.testMurmur2 of org.apache.kafka.common.utils
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("21")), -973932308);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("foobar")), -790332482);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("a-little-bit-long-string")), -985981536);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("a-little-bit-longer-string")), -1486304829);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
  EXPECT_EQ(static_cast<std::int32_t>(murmur2("abc")), 479470107);
}

TEST(Murmur2, ReadsBytesAbove7fAsUnsigned) {
  std::set<std::uint32_t> seen;
  for (int tail = 0; tail < 4; ++tail) {
    for (int byte = 0; byte < 256; ++byte) {
      seen.insert(
          murmur2(std::string(4, static_cast<char>(byte)) + std::string(static_cast<std::size_t>(tail), '\xff')));
    }
  }
  EXPECT_EQ(seen.size(), 1024u);
}

TEST(PartitionOf, IsThePositiveHashModuloThePartitions) {
  EXPECT_EQ(partition_of("21", 10), static_cast<int>((-973932308 & 0x7fffffff) % 10));
  EXPECT_EQ(partition_of("abc", 7), 479470107 % 7);
  for (int i = 0; i < 1000; ++i) {
    int partition = partition_of("session-" + std::to_string(i), 12);
    ASSERT_GE(partition, 0);
    ASSERT_LT(partition, 12);
    ASSERT_EQ(partition_of("session-" + std::to_string(i), 1), 0);
  }
}

TEST(PartitionOf, SpreadsSessionsEvenly) {
  constexpr int kPartitions = 16, kKeys = 64'000;
  std::vector<int> counts(kPartitions, 0);
  for (int i = 0; i < kKeys; ++i)
    ++counts[static_cast<std::size_t>(partition_of("s-" + std::to_string(i), kPartitions))];
  for (int count : counts) EXPECT_NEAR(count, kKeys / kPartitions, kKeys / kPartitions / 10);
}

TEST(Hash64AndHash128, AreTheValuesOfTheXxhSpecificationForNoBytes) {
  // XXH3 of nothing with seed 0, from the vectors that come with xxHash.
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(to_hex(hash128("")), "99aa06d3014798d86001c324468d497f");
}

TEST(Hash128, Has16BytesAndTellsNeighboursApart) {
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) seen.insert(hash128("event-" + std::to_string(i)));
  EXPECT_EQ(seen.size(), 10'000u);
  EXPECT_EQ(seen.begin()->size(), 16u);
  EXPECT_NE(hash128("ab"), hash128(std::string_view("ab\0", 3)));
}

TEST(Result, HoldsAValueOrTheErrorWithItsPlace) {
  const Result<int> good = 3;
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, 3);
  const Result<int> bad = bad_configuration("config/rules.yaml:12:5", "no such metric");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().fault, Fault::configuration);
  EXPECT_EQ(bad.error().text(), "config/rules.yaml:12:5: no such metric");
  const Result<void> nowhere = bad_input("", "empty");
  EXPECT_EQ(nowhere.error().fault, Fault::bad_input);
  EXPECT_EQ(nowhere.error().text(), "empty");
  EXPECT_EQ(Result<void>(broken_world("disk", "full")).error().fault, Fault::world);
}

}  // namespace
}  // namespace echoloop

#include "pipeline/statistics/quantile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

namespace echoloop::statistics {
namespace {

// The bins of docs/aggregates.md, written here a second time: the room of statistics stands below the room that has
// them.
BinCount bin_around(std::uint64_t v) {
  std::uint64_t width = 1;
  while (v / width >= 128) width *= 2;
  return {v / width * width, (v / width + 1) * width, 0};
}

std::vector<BinCount> histogram_of(const std::vector<std::uint64_t>& values) {
  std::map<std::uint64_t, BinCount> bins;
  for (std::uint64_t v : values) {
    BinCount bin = bin_around(v);
    ++bins.try_emplace(bin.low, bin).first->second.n;
  }
  std::vector<BinCount> out;
  for (const auto& [low, bin] : bins) out.push_back(bin);
  return out;
}

double exact(std::vector<std::uint64_t> values, int percent) {
  std::sort(values.begin(), values.end());
  std::size_t rank = std::max<std::size_t>(1, (values.size() * static_cast<std::size_t>(percent) + 99) / 100);
  return static_cast<double>(values[rank - 1]);
}

TEST(Quantile, IsExactWhereBinsHoldOneValue) {
  std::mt19937_64 random{3};
  for (int round = 0; round < 100; ++round) {
    std::vector<std::uint64_t> values(1 + random() % 60);
    for (auto& v : values) v = random() % 64;
    for (int percent = 0; percent <= 100; ++percent) {
      ASSERT_DOUBLE_EQ(*quantile(histogram_of(values), percent / 100.0), exact(values, percent)) << percent;
    }
  }
}

TEST(Quantile, StaysWithinA64thOfLongTailedHandleTimes) {
  std::mt19937_64 random{4};
  std::lognormal_distribution<double> handle_s{5.6, 1.1};  // median 270 s, a tail of hours
  for (std::size_t n : {1u, 2u, 17u, 1000u, 20'000u}) {
    std::vector<std::uint64_t> values(n);
    for (auto& v : values) v = static_cast<std::uint64_t>(1000 * handle_s(random));
    const auto bins = histogram_of(values);
    for (int percent : {1, 10, 50, 90, 99, 100}) {
      const double wanted = exact(values, percent);
      ASSERT_NEAR(*quantile(bins, percent / 100.0), wanted, wanted / 64) << percent << " % of " << n;
    }
  }
}

TEST(Quantile, RisesWithQAndIgnoresEmptyBins) {
  std::vector<BinCount> bins = {{0, 1, 0}, {64, 65, 3}, {128, 130, 0}, {1024, 1040, 5}, {2048, 2080, 0}};
  double last = 0;
  for (double q = 0; q <= 1; q += 0.01) {
    double now = *quantile(bins, q);
    EXPECT_GE(now, last);
    last = now;
  }
  EXPECT_GE(last, 1024);
  EXPECT_LT(last, 1040);
  EXPECT_EQ(*quantile(bins, 0), 64);
}

TEST(Quantile, OfNothingIsNone) {
  EXPECT_FALSE(quantile({}, 0.5));
  const std::vector<BinCount> empty = {{5, 6, 0}};
  EXPECT_FALSE(quantile(empty, 0.5));
}

}  // namespace
}  // namespace echoloop::statistics

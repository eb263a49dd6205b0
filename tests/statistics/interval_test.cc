#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "pipeline/statistics/bounds.h"
#include "pipeline/statistics/mean.h"
#include "pipeline/statistics/nps.h"
#include "pipeline/statistics/wilson.h"

namespace echoloop::statistics {
namespace {

TEST(Wilson, GivesNewcombesTable) {
  struct Row {
    std::int64_t x, n;
    double low, high;
  };
  for (auto [x, n, low, high] :
       {Row{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}}) {
    auto found = wilson_interval(x, n);
    ASSERT_TRUE(found);
    EXPECT_NEAR(found->low, low, 0.00005) << x;
    EXPECT_NEAR(found->high, high, 0.00005) << x;
  }
}

TEST(Wilson, IsItsOwnMirrorAndExactAtTheEnds) {
  for (std::int64_t n : {1, 2, 7, 30, 1000}) {
    EXPECT_EQ(wilson_interval(0, n)->low, 0);
    EXPECT_EQ(wilson_interval(n, n)->high, 1);
    for (std::int64_t x = 0; x <= n; ++x) {
      auto yes = *wilson_interval(x, n), no = *wilson_interval(n - x, n);
      EXPECT_NEAR(yes.low, 1 - no.high, 1e-12);
      EXPECT_GE(yes.low, 0);
      EXPECT_LE(yes.high, 1);
      EXPECT_LE(yes.low, static_cast<double>(x) / static_cast<double>(n));
      EXPECT_GE(yes.high, static_cast<double>(x) / static_cast<double>(n));
    }
  }
}

// The bounds are by definition the rates whose score test is just not rejected.
TEST(Wilson, ItsBoundsLieExactlyOneQuantileFromTheEstimate) {
  const double z = normal_quantile(0.9);
  EXPECT_NEAR(z, 1.6448536269514722, 1e-12);
  auto found = *wilson_interval(17, 60, 0.9);
  for (double p : {found.low, found.high}) {
    EXPECT_NEAR(std::abs(17.0 / 60 - p) / std::sqrt(p * (1 - p) / 60), z, 1e-9);
  }
}

TEST(Wilson, HasNothingToSayAboutNothing) {
  EXPECT_FALSE(wilson_interval(0, 0));
  EXPECT_FALSE(wilson_interval(3, 2));
  EXPECT_FALSE(wilson_interval(-1, 2));
}

TEST(Mean, MatchesTheClosedForm) {
  // 1…5 once each: mean 3, s² 2.5, t(4) at 97.5 % = 2.7764451052 (tables), half width t·√(2.5/5).
  const std::vector<ValueCount> once = {{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}};
  auto found = *mean_of(once);
  EXPECT_DOUBLE_EQ(found.value, 3);
  EXPECT_EQ(found.n, 5);
  EXPECT_NEAR(*found.variance, 2.5, 1e-12);
  EXPECT_NEAR(found.interval->high - 3, 2.7764451052 * std::sqrt(0.5), 1e-9);
  EXPECT_NEAR(3 - found.interval->low, 2.7764451052 * std::sqrt(0.5), 1e-9);
}

TEST(Mean, CountsAreRepetitions) {
  std::mt19937_64 random{5};
  std::vector<ValueCount> counted, single;
  for (int i = 0; i < 20; ++i) {
    ValueCount entry{static_cast<std::int64_t>(random() % 10'000) - 3000, static_cast<std::int64_t>(random() % 9)};
    counted.push_back(entry);
    for (std::int64_t j = 0; j < entry.n; ++j) single.push_back({entry.value, 1});
  }
  auto a = *mean_of(counted), b = *mean_of(single);
  EXPECT_EQ(a.n, b.n);
  EXPECT_DOUBLE_EQ(a.value, b.value);
  EXPECT_NEAR(*a.variance, *b.variance, *a.variance * 1e-12);
  EXPECT_NEAR(a.interval->low, b.interval->low, 1e-6);
}

TEST(Mean, LargeValuesCloseTogetherKeepTheirVariance) {
  const std::int64_t far = 1'000'000'000'000'000;
  const std::vector<ValueCount> values = {{far, 1}, {far + 2, 1}};
  EXPECT_NEAR(*mean_of(values)->variance, 2, 1e-6);
}

TEST(Mean, OneValueHasNoIntervalAndNoneHasNoMean) {
  const std::vector<ValueCount> one = {{4000, 1}}, none = {{4000, 0}};
  auto found = mean_of(one);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value, 4000);
  EXPECT_FALSE(found->interval);
  EXPECT_FALSE(found->variance);
  EXPECT_FALSE(mean_of(none));
  EXPECT_FALSE(mean_of({}));
}

TEST(Nps, IsPromotersMinusDetractorsInPoints) {
  EXPECT_DOUBLE_EQ(net_promoter_score(50, 20, 100)->value, 30);
  EXPECT_DOUBLE_EQ(net_promoter_score(0, 7, 7)->value, -100);
  EXPECT_FALSE(net_promoter_score(0, 0, 0));
  EXPECT_FALSE(net_promoter_score(3, 3, 5));
  EXPECT_FALSE(net_promoter_score(-1, 0, 5));
}

TEST(Nps, IsTheDoubleNearestToTheExactNumber) {
  EXPECT_EQ(net_promoter_score(9, 31, 40)->value, -55.0);
  for (std::int64_t n = 1; n <= 400; ++n) {
    for (std::int64_t x = 0; x <= n; ++x)
      ASSERT_EQ(net_promoter_score(x, 0, n)->value, static_cast<double>(100 * x) / static_cast<double>(n));
  }
}

TEST(NpsBounds, AssumeTheSilentWereDetractorsOrPromoters) {
  auto found = *nps_bounds(9, 31, 40, 100);
  EXPECT_EQ(found.low, -82);
  EXPECT_EQ(found.high, 38);
  EXPECT_EQ(nps_bounds(3, 1, 4, 2)->low, 50);
  EXPECT_EQ(nps_bounds(0, 0, 0, 5)->high, 100);
  EXPECT_FALSE(nps_bounds(0, 0, 0, 0));
  EXPECT_FALSE(nps_bounds(3, 2, 4, 10));
}

// Without detractors the difference is the rate of promoters among independent draws, and the score interval is
// Wilson's on that side.
TEST(Nps, WithoutOtherSideItIsWilsons) {
  for (std::int64_t n : {10, 40, 500}) {
    for (std::int64_t x : {std::int64_t{0}, n / 4, n / 2, n}) {
      auto score = net_promoter_score(x, 0, n);
      EXPECT_NEAR(score->interval.high / 100, wilson_interval(x, n)->high, 1e-9) << x << " of " << n;
    }
  }
}

// Fagerland, Lydersen and Laake, "Recommended tests and confidence intervals for paired binomial proportions",
// Statistics in Medicine 33 (2014): airway hyper-responsiveness before and after transplantation, 1 and 7 discordant
// pairs of 21.
TEST(Nps, MatchesThePublishedScoreInterval) {
  auto found = net_promoter_score(1, 7, 21);
  EXPECT_NEAR(found->interval.low, -51.7, 0.05);
  EXPECT_NEAR(found->interval.high, -2.6, 0.05);
}

// The definition, without the closed form: at each bound the standardised distance from the estimate is z, where the
// variance comes from the shares that a search over the likelihood finds under that bound.
TEST(Nps, AtItsBoundsTheRestrictedLikelihoodGivesTheQuantile) {
  const double z = normal_quantile(0.95);
  for (auto [x, y, n] : {std::tuple{50, 20, 100}, {3, 1, 12}, {10, 40, 61}, {5, 5, 30}, {200, 100, 1000}}) {
    auto found = *net_promoter_score(x, y, n);
    for (double bound : {found.interval.low, found.interval.high}) {
      const double theta = bound / 100;
      const auto likelihood = [&, px = x, py = y, pn = n](double detractors) {
        return px * std::log(detractors + theta) + py * std::log(detractors) +
               (pn - px - py) * std::log(1 - theta - 2 * detractors);
      };
      // Golden section: the logarithm of a multinomial likelihood is concave.
      double low = std::max(0.0, -theta) + 1e-12, high = (1 - theta) / 2 - 1e-12;
      for (int i = 0; i < 200; ++i) {
        const double left = high - (high - low) * 0.6180339887498949, right = low + (high - low) * 0.6180339887498949;
        (likelihood(left) < likelihood(right) ? low : high) = likelihood(left) < likelihood(right) ? left : right;
      }
      const double variance = (2 * low + theta - theta * theta) / n;
      const double distance = static_cast<double>(x - y) / n - theta;
      EXPECT_NEAR(std::abs(distance) / std::sqrt(variance), z, 1e-4) << x << ' ' << y << ' ' << n << ' ' << bound;
    }
  }
}

TEST(Nps, IsItsOwnMirrorAndStaysOnTheScale) {
  for (std::int64_t n : {1, 2, 5, 30, 200}) {
    for (std::int64_t x = 0; x <= n; x += 1 + n / 12) {
      for (std::int64_t y = 0; x + y <= n; y += 1 + n / 12) {
        auto a = *net_promoter_score(x, y, n), b = *net_promoter_score(y, x, n);
        ASSERT_NEAR(a.interval.low, -b.interval.high, 1e-7) << x << ' ' << y << ' ' << n;
        ASSERT_LE(a.interval.low, a.value);
        ASSERT_GE(a.interval.high, a.value);
        ASSERT_GE(a.interval.low, -100);
        ASSERT_LE(a.interval.high, 100);
        ASSERT_GT(a.interval.high - a.interval.low, 0);
      }
    }
  }
}

TEST(Nps, CoversTheTruth93To97TimesInAHundred) {
  std::mt19937_64 random{20260301};
  struct Truth {
    double promoters, detractors;
  };
  for (Truth truth : {Truth{0.5, 0.2}, {0.3, 0.3}, {0.2, 0.5}, {0.7, 0.1}, {0.45, 0.05}}) {
    const double wanted = 100 * (truth.promoters - truth.detractors);
    for (int n : {30, 60, 120, 300, 1000}) {
      constexpr int kRounds = 4000;
      int covered = 0;
      for (int round = 0; round < kRounds; ++round) {
        std::binomial_distribution<std::int64_t> first{n, truth.promoters};
        const std::int64_t x = first(random);
        std::binomial_distribution<std::int64_t> second{n - x, truth.detractors / (1 - truth.promoters)};
        const std::int64_t y = second(random);
        auto found = net_promoter_score(x, y, n);
        covered += found->interval.low <= wanted && wanted <= found->interval.high;
      }
      const double coverage = static_cast<double>(covered) / kRounds;
      EXPECT_GE(coverage, 0.93) << truth.promoters << ' ' << truth.detractors << ' ' << n;
      EXPECT_LE(coverage, 0.97) << truth.promoters << ' ' << truth.detractors << ' ' << n;
    }
  }
}

// The same without chance: the exact coverage at n = 30, summed over every outcome there is.
TEST(Nps, ItsExactCoverageAt30IsCloseToNominalOnAverage) {
  constexpr int kN = 30;
  double sum = 0, worst = 1;
  int truths = 0;
  for (double p = 0.1; p < 0.85; p += 0.1) {
    for (double q = 0.1; p + q < 0.95; q += 0.1) {
      double coverage = 0;
      for (int x = 0; x <= kN; ++x) {
        for (int y = 0; x + y <= kN; ++y) {
          auto found = net_promoter_score(x, y, kN);
          if (found->interval.low > 100 * (p - q) || found->interval.high < 100 * (p - q)) continue;
          coverage +=
              std::exp(std::lgamma(kN + 1) - std::lgamma(x + 1) - std::lgamma(y + 1) - std::lgamma(kN - x - y + 1) +
                       x * std::log(p) + y * std::log(q) + (kN - x - y) * std::log(1 - p - q));
        }
      }
      sum += coverage;
      worst = std::min(worst, coverage);
      ++truths;
    }
  }
  EXPECT_NEAR(sum / truths, 0.95, 0.01);
  EXPECT_GE(worst, 0.92);
}

TEST(RateBounds, AssumeTheSilentSaidNoOrYes) {
  auto found = *rate_bounds(30, 40, 100);
  EXPECT_DOUBLE_EQ(found.low, 0.3);
  EXPECT_DOUBLE_EQ(found.high, 0.9);
  auto all = *rate_bounds(30, 40, 40);
  EXPECT_DOUBLE_EQ(all.low, 0.75);
  EXPECT_DOUBLE_EQ(all.high, 0.75);
  auto none = *rate_bounds(0, 0, 10);
  EXPECT_DOUBLE_EQ(none.low, 0);
  EXPECT_DOUBLE_EQ(none.high, 1);
  EXPECT_DOUBLE_EQ(rate_bounds(1, 2, 0)->high, 0.5);
  EXPECT_FALSE(rate_bounds(0, 0, 0));
  EXPECT_FALSE(rate_bounds(3, 2, 10));
}

TEST(RateBounds, HoldTheRateOfEveryWayTheSilentCouldHaveAnswered) {
  for (std::int64_t yes = 0; yes <= 6; ++yes) {
    auto found = *rate_bounds(3, 4, 10);
    const double rate = static_cast<double>(3 + yes) / 10;
    EXPECT_LE(found.low, rate);
    EXPECT_GE(found.high, rate);
  }
}

TEST(MeanBounds, PutTheSilentAtTheEndsOfTheScale) {
  auto found = *mean_bounds(4, 50, 100, 1, 5);
  EXPECT_DOUBLE_EQ(found.low, 2.5);
  EXPECT_DOUBLE_EQ(found.high, 4.5);
  EXPECT_DOUBLE_EQ(mean_bounds(std::numeric_limits<double>::quiet_NaN(), 0, 3, 1, 5)->low, 1);
  EXPECT_FALSE(mean_bounds(0, 0, 0, 1, 5));
}

}  // namespace
}  // namespace echoloop::statistics

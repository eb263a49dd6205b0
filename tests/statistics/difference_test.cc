#include "pipeline/statistics/difference.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <random>

namespace echoloop::statistics {
namespace {

constexpr double kLevel = 0.95;

TEST(DifferenceInDifferences, IsTheChangeLessTheChangeElsewhere) {
  // Worked out by hand: 30/100 → 20/100 beside 40/200 → 44/200, each in two equal weeks, so φ is 1 and t has 4 degrees.
  const BeforeAfter group{{{15, 50}, {15, 50}}, {{10, 50}, {10, 50}}};
  const BeforeAfter other{{{20, 100}, {20, 100}}, {{22, 100}, {22, 100}}};
  const auto seen = difference_in_differences(group, other, kLevel);
  ASSERT_TRUE(seen);
  EXPECT_NEAR(seen->effect, -0.12, 1e-12);
  EXPECT_EQ(seen->degrees, 4);
  EXPECT_EQ(seen->overdispersion, 1);
  const auto variance = [](double x, double n) {
    const double p = (x + 1) / (n + 2);
    return p * (1 - p) / n;
  };
  const double error = std::sqrt(variance(30, 100) + variance(20, 100) + variance(40, 200) + variance(44, 200));
  EXPECT_NEAR(seen->interval.high - seen->effect, 2.776445 * error, 1e-6);  // t(4) at 97.5 %, by the tables
  EXPECT_NEAR(seen->effect - seen->interval.low, 2.776445 * error, 1e-6);
}

TEST(DifferenceInDifferences, WeeksThatVaryMoreThanChanceWidenTheInterval) {
  const BeforeAfter steady{{{15, 50}, {15, 50}, {15, 50}}, {{10, 50}, {10, 50}, {10, 50}}};
  const BeforeAfter jumpy{{{5, 50}, {25, 50}, {15, 50}}, {{1, 50}, {19, 50}, {10, 50}}};
  const auto calm = difference_in_differences(steady, steady, kLevel),
             wild = difference_in_differences(jumpy, steady, kLevel);
  // Pearson by hand: before 200/(50·.3·.7) , after 162/(50·.2·.8), over 8 degrees.
  EXPECT_NEAR(wild->overdispersion, (200 / 10.5 + 162 / 8.0) / 8, 1e-9);
  EXPECT_NEAR((wild->interval.high - wild->effect) / (calm->interval.high - calm->effect),
              std::sqrt(wild->overdispersion), 1e-9);
}

TEST(DifferenceInDifferences, NeedsAnswersInEachPart) {
  const BeforeAfter some{{{1, 10}, {1, 10}}, {{1, 10}, {1, 10}}}, none{{{1, 10}}, {{0, 0}}};
  EXPECT_FALSE(difference_in_differences(some, none, kLevel));
  EXPECT_FALSE(difference_in_differences(none, some, kLevel));
  EXPECT_FALSE(difference_in_differences({{{1, 10}}, {{1, 10}}}, {{{1, 10}}, {{1, 10}}}, kLevel))
      << "nothing tells how weeks vary";
}

TEST(ChangeOfMeans, HasWelchsInterval) {
  // By hand: both variances 0.0001, the squared error of the difference 2 · 0.0001 / 3, Satterthwaite's degrees 4.
  const auto seen = change_of_means({0.10, 0.12, 0.11}, {0.06, 0.05, 0.07}, kLevel);
  ASSERT_TRUE(seen);
  EXPECT_NEAR(seen->value, -0.05, 1e-12);
  EXPECT_NEAR(seen->interval.high - seen->value, 2.776445 * std::sqrt(0.0002 / 3), 1e-7);
  EXPECT_NEAR(seen->value - seen->interval.low, 2.776445 * std::sqrt(0.0002 / 3), 1e-7);
  // Weeks that vary on one side only: its degrees count, 2, t is 4.302653.
  const auto uneven = change_of_means({0.10, 0.10, 0.10}, {0.06, 0.05, 0.07}, kLevel);
  EXPECT_NEAR(uneven->interval.high - uneven->value, 4.302653 * std::sqrt(0.0001 / 3), 1e-7);
  EXPECT_FALSE(change_of_means({0.1}, {0.1, 0.2}, kLevel));
  EXPECT_EQ(change_of_means({0.1, 0.1}, {0.2, 0.2}, kLevel)->interval.high, 0.1) << "what never varies is certain";
}

TEST(SlopeT, TellsAParallelPastFromAnother) {
  std::vector<Proportion> flat, rising, noisy;
  for (std::int64_t week = 0; week < 6; ++week) {
    flat.push_back({200, 1000});
    rising.push_back({200 + 20 * week + week % 2, 1000});
    noisy.push_back({200 + (week % 2 == 0 ? 9 : -9), 1000});
  }
  EXPECT_GT(*slope_t(rising, flat), 2.776);
  EXPECT_LT(std::abs(*slope_t(noisy, flat)), 2.776);
  EXPECT_EQ(slope_t(flat, flat), 0.0);
  flat.resize(3);
  EXPECT_FALSE(slope_t(rising, flat));
}

// Tasks as they come about: a category has a year of weeks with the rhythm of its days, a task opens on its worst week,
// the customers are told some days later, and then the weeks after are compared with those before. What is drawn varies
// more than chance (σz). Days, so that the weeks begin anywhere.
class Replay {
 public:
  explicit Replay(std::uint64_t seed) : dice_(seed) {}

  struct Counts {
    int improved = 0, worse = 0, naive = 0;
  };

  Counts run(int tasks, double rate, double rate_after) {
    Counts out;
    for (int i = 0; i < tasks; ++i) one(rate, rate_after, out);
    return out;
  }

 private:
  static constexpr int kDays = 364, kWeek = 7, kWeeks = 6, kAnswers = 400;
  static constexpr double kSigma_z = 1.2;
  static constexpr double kRhythm[] = {1.3, 1.2, 1.1, 1.0, 0.9, 0.8, 0.7};

  std::int64_t draw(std::int64_t n, double p) { return std::binomial_distribution<std::int64_t>{n, p}(dice_); }

  // Days of answers; the rate of each week strays so that z varies by σz.
  std::vector<Proportion> days(int count, double rate) {
    std::vector<Proportion> out;
    double week_rate = rate;
    for (int day = 0; day < count; ++day) {
      if (day % kWeek == 0) {
        const double stray = std::sqrt((kSigma_z * kSigma_z - 1) * rate * (1 - rate) / kAnswers);
        week_rate = std::clamp(rate + std::normal_distribution{0.0, stray}(dice_), 0.001, 0.999);
      }
      const double of_day = std::min(1.0, week_rate * kRhythm[day % kWeek]);
      const auto n = static_cast<std::int64_t>(kAnswers / kWeek + (day % kWeek == 0));
      out.push_back({draw(n, of_day), n});
    }
    return out;
  }

  static Proportion sum(const std::vector<Proportion>& days, std::size_t from) {
    Proportion out;
    for (std::size_t day = from; day < from + kWeek; ++day) {
      out.x += days[day].x;
      out.n += days[day].n;
    }
    return out;
  }

  static std::vector<Proportion> weeks(const std::vector<Proportion>& days, std::size_t from) {
    std::vector<Proportion> out;
    for (std::size_t week = 0; week < kWeeks; ++week) out.push_back(sum(days, from + week * kWeek));
    return out;
  }

  void one(double rate, double rate_after, Counts& out) {
    std::vector<Proportion> own = days(kDays, rate), other = days(2 * kDays, rate);
    // The worst seven days after there are six weeks to look back on.
    std::size_t trigger = kWeeks * kWeek;
    for (std::size_t day = trigger; day + kWeek <= own.size(); ++day) {
      if (sum(own, day).x > sum(own, trigger).x) trigger = day;
    }
    const std::size_t acted = trigger + kWeek + 3 + dice_() % 20;
    own.resize(acted);
    const std::vector<Proportion> later = days(kWeeks * kWeek, rate_after);
    own.insert(own.end(), later.begin(), later.end());
    const BeforeAfter group{weeks(own, trigger - kWeeks * kWeek), weeks(own, acted)};
    const BeforeAfter comparison{weeks(other, trigger - kWeeks * kWeek), weeks(other, acted)};
    const auto seen = difference_in_differences(group, comparison, kLevel);
    out.improved += seen->interval.high < 0;
    out.worse += seen->interval.low > 0;
    // What is done without a comparison: two proportions, z above 1.96.
    const Proportion worst = sum(own, trigger);
    const double n = static_cast<double>(worst.n), m = n * kWeeks;
    const double pooled = (static_cast<double>(worst.x) + seen->after * m) / (n + m);
    const double z =
        (static_cast<double>(worst.x) / n - seen->after) / std::sqrt(pooled * (1 - pooled) * (1 / n + 1 / m));
    out.naive += z > 1.96;
  }

  std::mt19937_64 dice_;
};

TEST(Verification, SaysImprovedRarelyOfNothingAndMostlyOfAThird) {
  const char* asked = std::getenv("ECHOLOOP_SEED");
  const auto seed = asked != nullptr ? std::strtoull(asked, nullptr, 10) : 7;
  constexpr int kTasks = 2'000;
  Replay replay{seed};
  const Replay::Counts null = replay.run(kTasks, 0.15, 0.15), real = replay.run(kTasks, 0.15, 0.10);
  const auto percent = [](int n) { return 100.0 * n / kTasks; };
  std::printf(
      "seed %llu, %d tasks each: no effect: improved %.1f %%, worse %.1f %%, trigger week above the weeks after %.1f "
      "%%; 15 %% to 10 %%: improved %.1f %%\n",
      seed, kTasks, percent(null.improved), percent(null.worse), percent(null.naive), percent(real.improved));
  EXPECT_LE(percent(null.improved), 5.0);
  EXPECT_LE(percent(null.worse), 5.0);
  EXPECT_GE(percent(real.improved), 75.0);
  EXPECT_GE(percent(null.naive), 50.0) << "the worst week is no baseline";
}

}  // namespace
}  // namespace echoloop::statistics

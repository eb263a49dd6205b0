#include "pipeline/intake/believed_clock.h"

#include <gtest/gtest.h>

namespace echoloop {
namespace {

constexpr Duration kMinute{60'000};
constexpr Duration kYear{365 * kDay_ms};

class Believed : public testing::Test {
 protected:
  // Both clocks go on.
  void pass(Duration time) {
    wall_ += time;
    running_ += time;
  }
  Time wall_ = from_ms(1'772'800'000'000);
  Time running_ = from_ms(5'000);
  BelievedClock clock_{[this] { return wall_; }, [this] { return running_; }};
};

TEST_F(Believed, FollowsAClockThatGoesOn) {
  for (int i = 0; i < 1000; ++i) {
    pass(Duration{i * 7919 % 100'000});
    EXPECT_EQ(clock_.now(), wall_);
  }
  EXPECT_FALSE(clock_.doubts());
}

TEST_F(Believed, AnHourMoreOrLessIsNoLeap) {
  wall_ += Duration{kHour_ms};
  EXPECT_EQ(clock_.now(), wall_);
  wall_ -= kYear;
  EXPECT_EQ(clock_.now(), wall_);
  pass(kMinute);
  EXPECT_EQ(clock_.now(), wall_);
}

TEST_F(Believed, AYearThatPassesInASecondDoesNot) {
  const Time before = clock_.now();
  wall_ += kYear;
  EXPECT_EQ(clock_.now(), before);
  EXPECT_TRUE(clock_.doubts());
  for (int minute = 1; minute < 60; ++minute) {
    pass(kMinute);
    EXPECT_EQ(clock_.now(), before + minute * kMinute) << "time goes on beside it";
  }
  wall_ -= kYear;  // somebody mended it
  EXPECT_EQ(clock_.now(), wall_);
  EXPECT_FALSE(clock_.doubts());
  wall_ += kYear;
  EXPECT_EQ(clock_.now(), wall_ - kYear) << "the next leap needs a proof of its own";
}

TEST_F(Believed, AClockThatKeepsItsLeapForAnHourIsRight) {
  (void)clock_.now();
  wall_ += kYear;
  (void)clock_.now();
  pass(Duration{kHour_ms} - Duration{1});
  EXPECT_LT(clock_.now(), wall_);
  pass(Duration{1});
  EXPECT_EQ(clock_.now(), wall_);
  EXPECT_FALSE(clock_.doubts());
  pass(kMinute);
  EXPECT_EQ(clock_.now(), wall_);
}

TEST_F(Believed, AMachineThatSleptHasNotLeapt) {
  pass(kYear);
  EXPECT_EQ(clock_.now(), wall_);
}

}  // namespace
}  // namespace echoloop

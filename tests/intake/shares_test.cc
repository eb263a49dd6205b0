#include "pipeline/intake/shares.h"

#include <gtest/gtest.h>

#include <vector>

namespace echoloop {
namespace {

constexpr std::int64_t kRoom = 10'000;

class ShareOfTheRoom : public testing::Test {
 protected:
  static std::vector<stage::Append> records(std::string_view tenant, std::size_t n) {
    return std::vector<stage::Append>(n, stage::Append{stage::Kind::event, "k", "v", {}, tenant});
  }
  bool admits(std::string_view tenant) { return shares_.admit(records(tenant, 1), waiting_); }
  void enter(std::string_view tenant, std::int64_t n) {
    shares_.entered(records(tenant, static_cast<std::size_t>(n)));
    waiting_ += n;
  }
  void process(std::int64_t n) { waiting_ -= n; }

  Shares shares_{kRoom};
  std::int64_t waiting_ = 0;
};

TEST_F(ShareOfTheRoom, HalfOfTheRoomIsForWhoeverComes) {
  enter("giant", kRoom / 2);
  EXPECT_TRUE(admits("giant"));
  enter("giant", 1);
  EXPECT_FALSE(admits("giant"));
}

TEST_F(ShareOfTheRoom, AboveItAGiantWaitsWhileOthersEnter) {
  enter("giant", kRoom * 6 / 10);
  EXPECT_FALSE(admits("giant"));
  for (std::string_view tenant : {"a", "b", "c"}) {
    EXPECT_TRUE(admits(tenant)) << tenant;
    enter(tenant, 100);
    EXPECT_TRUE(admits(tenant)) << tenant;
  }
  EXPECT_FALSE(admits("giant"));
  enter("a", kRoom / 2 / 4);  // four wait
  EXPECT_FALSE(admits("a"));
  EXPECT_TRUE(admits("b"));
}

TEST_F(ShareOfTheRoom, AFullRoomTakesNobody) {
  enter("giant", kRoom);
  enter("small", 1);
  EXPECT_FALSE(admits("small"));
  EXPECT_FALSE(admits(""));
}

TEST_F(ShareOfTheRoom, AMixtureWaitsWithTheOneThatIsAboveItsShare) {
  enter("giant", kRoom * 6 / 10);
  std::vector<stage::Append> mixed = records("small", 2);
  EXPECT_TRUE(shares_.admit(mixed, waiting_));
  mixed.push_back(records("giant", 1).front());
  EXPECT_FALSE(shares_.admit(mixed, waiting_));
  EXPECT_TRUE(admits(""));  // nobody's, such as a rejected document
}

TEST_F(ShareOfTheRoom, WhatWasProcessedIsNoLongerCounted) {
  for (int i = 0; i < 90; ++i) enter("giant", 100);
  EXPECT_FALSE(admits("giant"));
  process(kRoom * 89 / 100);
  EXPECT_TRUE(admits("giant"));
  for (int i = 0; i < 60; ++i) enter("small", 100);
  EXPECT_FALSE(admits("small"));
  EXPECT_TRUE(admits("giant"));
  process(waiting_);
  EXPECT_TRUE(admits("small"));
}

TEST_F(ShareOfTheRoom, CalmDaysLeaveNothingBehind) {
  for (int i = 0; i < 100'000; ++i) {
    const std::string tenant = "t" + std::to_string(i);
    ASSERT_TRUE(admits(tenant));
    enter(tenant, 1);
    process(1);
  }
  EXPECT_TRUE(admits("t"));
  EXPECT_EQ(shares_.tenants_waiting(), 0u);
}

TEST_F(ShareOfTheRoom, WhatWaitedBeforeTheStartIsNobodys) {
  waiting_ = kRoom * 8 / 10;
  EXPECT_TRUE(admits("a"));
  enter("a", kRoom / 10);
  EXPECT_TRUE(admits("a"));
  EXPECT_TRUE(admits("b"));
}

}  // namespace
}  // namespace echoloop

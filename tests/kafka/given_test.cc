// What the group says is not believed blindly: topics may have been deleted, made anew, or have got partitions.
#include "pipeline/kafka/given.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/topics.h"

namespace echoloop::kafka {
namespace {

using stage::Partition;
using stage::Topic;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr int kPartitions = 2;

// All inputs of a shard, committed together at that epoch.
std::vector<Given> shard_of(int shard, std::int64_t epoch, int partitions = kPartitions) {
  std::vector<Given> out;
  for (Topic topic : kInputs) out.push_back({{topic, shard}, 7, epoch, partitions});
  return out;
}

TEST(Given, TheLatestOffsetTellsTheEpoch) {
  auto given = shard_of(1, 5);
  given[2].epoch = 6;
  EXPECT_THAT(*epochs_of(given, kPartitions), ElementsAre(Pair(1, 6)));
  EXPECT_THAT(*epochs_of({}, kPartitions), IsEmpty());
}

TEST(Given, AShardWithoutAllItsInputsIsRefused) {
  auto given = shard_of(1, 5);
  given.pop_back();
  const auto epochs = epochs_of(given, kPartitions);
  ASSERT_FALSE(epochs);
  EXPECT_EQ(epochs.error().fault, Fault::away);
  EXPECT_THAT(epochs.error().text(), HasSubstr("3 of the 4 partitions of shard 1"));
}

TEST(Given, OtherPartitionsThanWereCountedWithAreRefused) {
  EXPECT_THAT(epochs_of(shard_of(0, 5, 3), kPartitions).error().text(),
              HasSubstr("written with 3 partitions of each topic, and there are 2 now"));
  EXPECT_TRUE(epochs_of(shard_of(0, 5, 0), kPartitions));  // nobody knows
}

TEST(Given, AnInputWithoutTheOffsetThatTheOthersHaveWasMadeAnew) {
  auto given = shard_of(1, 5);
  EXPECT_THAT(made_anew(given), IsEmpty());
  given[0] = {{Topic::events, 1}};
  EXPECT_THAT(made_anew(given), ElementsAre(Partition{Topic::events, 1}));
  EXPECT_EQ(epochs_of(given, kPartitions)->at(1), 5);
}

TEST(Given, WhatAnEarlierVersionCommittedSaysNothingOfTheOthers) {
  std::vector<Given> given = shard_of(1, 5, 0);
  given[3] = {{Topic::cases, 1}};  // nothing was read of it
  EXPECT_THAT(made_anew(given), IsEmpty());
  for (Given& one : given) one = {one.partition};  // nothing was committed at all
  EXPECT_THAT(made_anew(given), IsEmpty());
}

TEST(Given, NobodyGoesOnWithoutWhatMembersHadWritten) {
  MemberOptions options;
  options.group = "desk";
  EXPECT_TRUE(go_on_from_begin({Topic::events, 0}, options));
  for (Topic topic : {Topic::misplaced, Topic::deltas, Topic::cases}) {
    const auto able = go_on_from_begin({topic, 0}, options);
    ASSERT_FALSE(able);
    EXPECT_EQ(able.error().fault, Fault::away);
    EXPECT_THAT(able.error().text(), HasSubstr("--group desk --topic " + topic_name(options.topics, topic)));
  }
}

}  // namespace
}  // namespace echoloop::kafka

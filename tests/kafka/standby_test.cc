// Copies of shards that others hold: of which, and that they become what the holder has.
#include "pipeline/kafka/standby.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/standby_plan.h"
#include "tests/kafka/holder.h"

namespace echoloop::kafka {
namespace {

using kafka_tests::Folder;
using kafka_tests::Holder;
using kafka_tests::MemoryCluster;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(StandbyPlan, FollowsWhatWouldComeIfOneOtherWent) {
  // Sorted by id: a and b with two workers each, c with one.
  const std::vector<GroupWorker> workers = {
      {"g.c.0-x", "g.c"}, {"g.a.0-x", "g.a"}, {"g.b.1-x", "g.b"}, {"g.a.1-x", "g.a"}, {"g.b.0-x", "g.b"}};
  EXPECT_THAT(range_of("g.a", workers, 7), ElementsAre(0, 1, 2, 3));  // 2, 2, then 1 each
  EXPECT_THAT(range_of("g.b", workers, 7), ElementsAre(4, 5));
  EXPECT_THAT(range_of("g.c", workers, 7), ElementsAre(6));
  // Without a: b 0-2 and 3-4, c 5-6; without b: a 0-2 and 3-4, c 5-6; without c: a 0-1, 2-3, b 4-5, 6.
  EXPECT_THAT(shards_to_follow("g.a", workers, 7), ElementsAre(4));
  EXPECT_THAT(shards_to_follow("g.b", workers, 7), ElementsAre(0, 1, 2, 3, 6));
  EXPECT_THAT(shards_to_follow("g.c", workers, 7), ElementsAre(5));
  EXPECT_THAT(shards_to_follow("g.d", workers, 7), IsEmpty());  // not in the group
  EXPECT_THAT(shards_to_follow("g.a", {{"g.a.0-x", "g.a"}}, 7), IsEmpty());
  EXPECT_THAT(shards_to_follow("g.a", {}, 7), IsEmpty());
}

class StandbyTest : public testing::Test {
 protected:
  static constexpr int kShard = 1;

  void epoch(const std::string& value) { holder_.epoch(value); }
  void follow() {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(standby_->step({0, kShard}, Duration{0}));
  }
  std::string copied() const { return store_->get(stage::Table::cube, kShard, "key-4")->value_or("none"); }
  // What a worker of this process does when it is given the shard.
  void write_here(const std::string& value, std::int64_t next_offset) {
    store::Batch batch;
    for (int i = 0; i < 5; ++i) batch.put(stage::Table::cube, kShard, "key-" + std::to_string(i), value);
    put_marker(batch, kShard, {holder_.epochs(), next_offset});
    ASSERT_TRUE(store_->write(batch));
  }

  Folder folder_;
  MemoryCluster cluster_{2};
  Holder holder_{cluster_, folder_, kShard};
  std::unique_ptr<store::RocksStore> store_ = folder_.open("copy");
  std::unique_ptr<Standby> standby_ = std::make_unique<Standby>(*store_, [this] { return cluster_.changelog(); });
};

TEST_F(StandbyTest, FollowsEpochByEpoch) {
  epoch("one");
  follow();
  EXPECT_EQ(copied(), "one");
  EXPECT_EQ(read_marker(*store_, kShard)->epoch, 1);
  EXPECT_EQ(standby_->copies().shards, 2u);
  epoch("two");
  ASSERT_TRUE(standby_->look());
  EXPECT_GT(standby_->copies().behind, 1);
  follow();
  ASSERT_TRUE(standby_->look());
  EXPECT_EQ(copied(), "two");
  EXPECT_LE(standby_->copies().behind, 1);  // the end of the transaction counts
}

TEST_F(StandbyTest, WhatAWorkerTookIsItsAlone) {
  epoch("one");
  follow();
  standby_->leave(0, {kShard});
  epoch("two");
  write_here("mine", cluster_.changelog()->ends(kShard)->high);
  follow();
  EXPECT_EQ(copied(), "mine");
  // Another worker that had it before says so late: it is not his any more.
  standby_->join(1);
  epoch("three");
  follow();
  EXPECT_EQ(copied(), "mine");
  standby_->join(0);
  follow();
  EXPECT_EQ(copied(), "three");
}

TEST_F(StandbyTest, WhatWasMissedWhileAWorkerHadItIsReadAgain) {
  epoch("one");
  follow();
  standby_->leave(0, {kShard});  // and does nothing: the shard went elsewhere at once
  epoch("two");
  follow();
  standby_->join(0);
  epoch("three");
  follow();
  EXPECT_EQ(copied(), "three");
  EXPECT_EQ(read_marker(*store_, kShard)->epoch, 3);
}

TEST_F(StandbyTest, WhatIsGoneBeforeItWasReadBeginsAnew) {
  epoch("one");
  follow();
  store::Batch batch;
  batch.put(stage::Table::cube, kShard, "long ago", "of another past");
  ASSERT_TRUE(store_->write(batch));
  const auto end = cluster_.changelog()->ends(kShard)->high;
  epoch("two");
  holder_.trim(end + 1);
  EXPECT_FALSE(standby_->step({0, kShard}, Duration{0}));  // where it read on is gone
  follow();
  EXPECT_EQ(copied(), "two");
  EXPECT_EQ(*store_->get(stage::Table::cube, kShard, "long ago"), std::nullopt);
}

}  // namespace
}  // namespace echoloop::kafka

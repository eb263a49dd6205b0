// A restore believes nothing that may be half: a changelog that was cut, offsets that were lost.
#include "pipeline/kafka/restore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/kafka/standby.h"
#include "tests/kafka/holder.h"

namespace echoloop::kafka {
namespace {

using kafka_tests::Folder;
using kafka_tests::Holder;
using kafka_tests::MemoryCluster;
using testing::HasSubstr;

class RestoreTest : public testing::Test {
 protected:
  static constexpr int kShard = 1;

  // What a worker is told that is given the shard at that epoch; an empty text: it has the rows.
  std::string restore(store::RocksStore& store, std::int64_t epoch) {
    auto restore = Restore::begin(holder_.brokers(), store, {{kShard, epoch}});
    if (!restore) return restore.error().text();
    for (int i = 0; i < 100; ++i) {
      auto done = (*restore)->step(Duration{0});
      if (!done) return done.error().text();
      if (*done) return "";
    }
    return "it does not end";
  }
  static std::string value(const store::RocksStore& store, const char* key) {
    return store.get(stage::Table::cube, kShard, key)->value_or("none");
  }

  Folder folder_;
  MemoryCluster cluster_{2};
  Holder holder_{cluster_, folder_, kShard};
};

TEST_F(RestoreTest, FromWhereTheLastTurnBeganEverythingIsThere) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  ASSERT_GT(holder_.whole_from(), 0);
  holder_.trim(holder_.whole_from());
  auto store = folder_.open("restored");
  EXPECT_EQ(restore(*store, 40), "");
  EXPECT_EQ(value(*store, "key-3"), "epoch 40");
  EXPECT_EQ(read_turn(*store, kShard)->whole_from, holder_.whole_from());
}

TEST_F(RestoreTest, AChangelogThatWasCutIsNoState) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  holder_.trim(holder_.whole_from() + 1);
  auto store = folder_.open("restored");
  for (int again = 0; again < 2; ++again) {
    EXPECT_THAT(restore(*store, 40), HasSubstr("changelog 1: it begins at offset"));
    EXPECT_EQ(value(*store, "key-3"), "none");
  }
}

TEST_F(RestoreTest, RowsOfAnotherPastAreForgotten) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  auto store = folder_.open("restored");
  ASSERT_EQ(restore(*store, 40), "");
  store::Batch batch;
  batch.put(stage::Table::cube, kShard, "of another past", "x");
  put_marker(batch, kShard, {20, read_marker(*store, kShard)->next_offset});
  ASSERT_TRUE(store->write(batch));
  holder_.epoch("epoch 41");
  EXPECT_THAT(restore(*store, 41), HasSubstr("changelog 1: epoch 41 comes behind epoch 20"));
  EXPECT_EQ(restore(*store, 41), "");
  EXPECT_EQ(value(*store, "key-3"), "epoch 41");
  EXPECT_EQ(value(*store, "of another past"), "none");
}

TEST_F(RestoreTest, AnEmptyChangelogIsNoState) {
  holder_.epoch("epoch 1");
  holder_.trim(cluster_.changelog()->ends(kShard)->high);
  auto store = folder_.open("restored");
  EXPECT_THAT(restore(*store, 1), HasSubstr("changelog 1: it ends before epoch 1: records were deleted"));
}

TEST_F(RestoreTest, AChangelogThatWasDeletedAndMadeAnewIsNoStateUntilAllIsInIt) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  cluster_.delete_changelog();
  holder_.epoch("epoch 41");  // its turn still speaks of the former topic
  auto store = folder_.open("restored");
  EXPECT_THAT(restore(*store, 41), HasSubstr("changelog 1: the topic was deleted and made anew"));
  EXPECT_EQ(value(*store, "key-3"), "none");
  holder_.begin_turn_anew();
  int epochs = 41;
  for (; holder_.whole_from() < 0; ++epochs) {
    EXPECT_THAT(restore(*store, epochs), HasSubstr("changelog 1: the topic was deleted and made anew"));
    holder_.epoch("epoch " + std::to_string(epochs + 1));
  }
  ASSERT_GT(epochs, 41);
  ASSERT_GE(holder_.whole_from(), 0);
  EXPECT_EQ(restore(*store, epochs), "");
  EXPECT_EQ(value(*store, "key-3"), "epoch " + std::to_string(epochs));
}

TEST_F(RestoreTest, ACopyOfAChangelogThatWasCutIsNone) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  holder_.trim(holder_.whole_from() + 1);
  auto copy = folder_.open("copy");
  Standby standby{*copy, [this] { return cluster_.changelog(); }};
  ASSERT_TRUE(standby.step({kShard}, Duration{0}));
  EXPECT_THAT(restore(*copy, 40), HasSubstr("changelog 1: it begins at offset"));
  EXPECT_EQ(value(*copy, "key-3"), "none");
  // What comes after a turn that began behind the cut is all there is.
  ASSERT_TRUE(standby.step({0, kShard}, Duration{0}));
  const auto cut = cluster_.changelog()->ends(kShard)->low;
  int epochs = 40;
  while (holder_.whole_from() < cut) holder_.epoch("epoch " + std::to_string(++epochs));
  ASSERT_TRUE(standby.step({0, kShard}, Duration{0}));
  EXPECT_EQ(restore(*copy, epochs), "");
  EXPECT_EQ(value(*copy, "key-3"), "epoch " + std::to_string(epochs));
}

TEST_F(RestoreTest, AStoreThatKnowsTheRestNeedsNothingOfWhatWasCut) {
  for (int i = 1; i <= 40; ++i) holder_.epoch("epoch " + std::to_string(i));
  auto store = folder_.open("restored");
  EXPECT_EQ(restore(*store, 40), "");
  const auto next = read_marker(*store, kShard)->next_offset;
  holder_.epoch("epoch 41");
  holder_.trim(next);
  EXPECT_EQ(restore(*store, 41), "");
  EXPECT_EQ(value(*store, "key-3"), "epoch 41");
}

TEST_F(RestoreTest, StateWithoutOffsetsIsNotCountedOnceMore) {
  auto store = folder_.open("restored");
  EXPECT_EQ(restore(*store, 0), "");
  holder_.epoch("epoch 1");
  EXPECT_THAT(restore(*store, 0), HasSubstr("changelog 1: it holds state, but the group has committed no offsets"));
  EXPECT_EQ(restore(*store, 1), "");
}

}  // namespace
}  // namespace echoloop::kafka

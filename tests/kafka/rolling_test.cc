// The changelog as a shard writes it, epoch by epoch, and what a restore makes of what is left of it: no broker.
#include "pipeline/kafka/rolling.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "pipeline/kafka/changelog.h"
#include "tests/kafka/holder.h"

namespace echoloop::kafka {
namespace {

using kafka_tests::Folder;

constexpr int kShard = 3;

using Rows = std::map<std::pair<int, std::string>, std::string>;

Rows rows_of(const store::RocksStore& store) {
  Rows out;
  for (int table = 1; table < stage::kTables_end; ++table) {
    EXPECT_TRUE(store.scan(stage::Table{static_cast<std::uint8_t>(table)}, kShard, "", "",
                           [&](std::string_view key, std::string_view value) {
                             out[{table, std::string(key)}] = value;
                             return true;
                           }));
  }
  return out;
}

// A shard that changes rows of any table, with its part of the changelog in memory.
class Shard {
 public:
  Shard(store::RocksStore& store, unsigned seed) : store_(store), random_(seed) {}

  void epoch(std::size_t slice_bytes, std::size_t record_bytes) {
    ++epoch_;
    std::map<std::pair<stage::Table, std::string>, stage::Row> changed;
    for (auto n = 1 + random_() % 20; n > 0; --n) {
      const stage::Table table{static_cast<std::uint8_t>(1 + random_() % 18)};
      const std::string key = std::to_string(random_() % 200);
      std::optional<std::string> value = std::string(random_() % 100, 'v') + std::to_string(epoch_);
      if (random_() % 3 == 0) value.reset();
      changed[{table, key}] = {table, kShard, key, value};
    }
    auto slice = next_slice(store_, kShard, slice_bytes, static_cast<std::int64_t>(log_.size()));
    ASSERT_TRUE(slice) << slice.error().text();
    std::vector<const stage::Row*> written;
    for (const stage::Row& row : slice->rows) written.push_back(&row);
    store::Batch batch;
    for (const auto& [name, row] : changed) {
      written.push_back(&row);
      batch.add(row);
    }
    batch.add(slice->rows.back());
    for (std::string& record : pack_epoch(epoch_, written, record_bytes)) log_.push_back(std::move(record));
    ASSERT_TRUE(store_.write(batch));
    if (slice->forgotten) begin_ = *slice->forgotten;
  }

  // What is left after the last trim, applied to an empty store.
  void restore_into(store::RocksStore& store) const {
    for (auto at = static_cast<std::size_t>(begin_); at < log_.size(); ++at) {
      store::Batch batch;
      auto unpacked = unpack_epoch(log_[at], kShard, batch);
      ASSERT_TRUE(unpacked) << unpacked.error().text();
      EXPECT_LE(unpacked->epoch, epoch_);
      ASSERT_TRUE(store.write(batch));
    }
  }
  std::int64_t begin() const { return begin_; }
  std::size_t left() const { return log_.size() - static_cast<std::size_t>(begin_); }
  std::int64_t epochs() const { return epoch_; }

 private:
  store::RocksStore& store_;
  std::mt19937_64 random_;
  std::vector<std::string> log_;
  std::int64_t begin_ = 0, epoch_ = 0;
};

TEST(Rolling, WhatIsLeftOfTheChangelogIsTheWholeState) {
  for (unsigned seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Folder folder;
    auto store = folder.open("store");
    Shard shard{*store, seed};
    for (int round = 0; round < 6; ++round) {
      for (int i = 0; i < 60; ++i) shard.epoch(1000, 700);
      const std::string name = "restored-" + std::to_string(round);
      auto restored = folder.open(name.c_str());
      shard.restore_into(*restored);
      EXPECT_EQ(rows_of(*restored), rows_of(*store));
      EXPECT_EQ(read_turn(*restored, kShard)->key, read_turn(*store, kShard)->key);
    }
    EXPECT_GT(shard.begin(), 0);
  }
}

TEST(Rolling, TheChangelogStaysASmallMultipleOfTheState) {
  Folder folder;
  auto store = folder.open("store");
  Shard shard{*store, 1};
  std::size_t most = 0;
  for (int i = 0; i < 3000; ++i) {
    shard.epoch(2000, 100'000);
    if (i > 500) most = std::max(most, shard.left());
  }
  EXPECT_LT(most, 500u);
}

TEST(Changelog, LongEpochsAreSeveralRecordsAndTheLastSaysSo) {
  std::vector<stage::Row> rows;
  for (int i = 0; i < 100; ++i) rows.push_back({stage::Table::cube, kShard, std::to_string(i), std::string(50, 'x')});
  rows.push_back({stage::Table::cube, kShard, "large", std::string(5000, 'x')});
  rows.push_back({stage::Table::cube, kShard, "gone", std::nullopt});
  std::vector<const stage::Row*> pointers;
  for (const stage::Row& row : rows) pointers.push_back(&row);
  const auto records = pack_epoch(7, pointers, 500);
  EXPECT_GT(records.size(), 10u);
  for (std::size_t i = 0; i < records.size(); ++i) {
    store::Batch batch;
    auto unpacked = unpack_epoch(records[i], kShard, batch);
    ASSERT_TRUE(unpacked);
    EXPECT_EQ(unpacked->epoch, 7);
    EXPECT_EQ(unpacked->last, i + 1 == records.size());
  }
  EXPECT_EQ(pack_epoch(8, {}, 500).size(), 1u);
}

TEST(Changelog, RecordsOfTheVersionBeforeAreRead) {
  const stage::Row row{stage::Table::cube, kShard, "key", "value"};
  const stage::Row* rows[] = {&row};
  std::string record = pack_epoch(1, rows, 500).front();
  store::Batch batch;
  for (const auto& [version, readable] : {std::pair{0, false}, {1, true}, {2, true}, {3, false}}) {
    record[0] = static_cast<char>(version);
    EXPECT_EQ(unpack_epoch(record, kShard, batch).has_value(), readable) << version;
  }
}

TEST(Changelog, AForeignOrDamagedRecordIsNamed) {
  store::Batch batch;
  EXPECT_EQ(unpack_epoch("", 2, batch).error().text(),
            "changelog 2: a record of another version of echoloop, or none of echoloop's");
  const stage::Row row{stage::Table::cube, kShard, "key", "value"};
  const stage::Row* rows[] = {&row};
  const std::string record = pack_epoch(1, rows, 500).front();
  for (std::size_t n = 4; n < record.size(); ++n)
    EXPECT_EQ(unpack_epoch(std::string_view(record).substr(0, n), 2, batch).error().text(),
              "changelog 2: a damaged record");
}

TEST(Changelog, AShardThatIsEmptiedHasNoRowsAndLeavesItsNeighbours) {
  Folder folder;
  auto store = folder.open("store");
  store::Batch batch;
  for (int shard : {kShard - 1, kShard, kShard + 1}) {
    for (int table = 1; table < stage::kTables_end; ++table)
      batch.put(stage::Table{static_cast<std::uint8_t>(table)}, shard, "key", "value");
  }
  put_marker(batch, kShard, {5, 9});
  ASSERT_TRUE(store->write(batch));
  EXPECT_EQ(read_marker(*store, kShard)->epoch, 5);
  EXPECT_EQ(read_marker(*store, kShard)->next_offset, 9);
  EXPECT_EQ(read_marker(*store, kShard + 1)->epoch, 0);
  ASSERT_TRUE(store->erase_shard(kShard));
  EXPECT_TRUE(rows_of(*store).empty());
  for (int shard : {kShard - 1, kShard + 1}) {
    EXPECT_EQ(store->get(stage::Table::row_ages, shard, "key")->value_or(""), "value");
    EXPECT_EQ(store->get(stage::Table::sessions, shard, "key")->value_or(""), "value");
  }
}

}  // namespace
}  // namespace echoloop::kafka

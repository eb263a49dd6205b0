// Who holds a shard, as far as the changelog sees of it: epochs of rows in transactions, with the turn, on a cluster in
// memory.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/kafka/changelog.h"
#include "pipeline/kafka/rolling.h"
#include "tests/kafka/memory_cluster.h"

namespace echoloop::kafka_tests {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "echoloop-kafka-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::unique_ptr<store::RocksStore> open(const char* name) {
    auto store = store::RocksStore::open(path_ / name, {.memory_bytes = 8u << 20});
    EXPECT_TRUE(store) << store.error().text();
    return std::move(*store);
  }
  std::filesystem::path path(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

class Holder {
 public:
  Holder(MemoryCluster& cluster, Folder& folder, int shard) : shard_(shard), store_(folder.open("holder")) {
    brokers_ = std::move(*cluster.connect("holder", std::make_shared<Line>()));
    std::vector<stage::Slice> slices;
    while (!brokers_->poll(Duration{0}, {}, slices)->given) slices.clear();
    EXPECT_TRUE(brokers_->release());
  }

  // An epoch that gives five rows that value; with them goes a slice of the rows.
  void epoch(const std::string& value) {
    auto slice = kafka::next_slice(*store_, shard_, 40, marker_.next_offset);
    ASSERT_TRUE(slice);
    std::vector<stage::Row> rows = slice->rows;
    for (int i = 0; i < 5; ++i) rows.push_back({stage::Table::cube, shard_, "key-" + std::to_string(i), value});
    std::vector<const stage::Row*> pointers;
    for (const stage::Row& row : rows) pointers.push_back(&row);
    ASSERT_TRUE(brokers_->begin());
    kafka::Brokers::Offset offset = nullptr;
    const std::int64_t epoch = marker_.epoch + 1;
    const auto records = kafka::pack_epoch(epoch, pointers, kRecord_bytes);
    for (const std::string& record : records) {
      auto written = brokers_->write_changelog(shard_, record);
      ASSERT_TRUE(written);
      offset = *written;
    }
    const kafka::Committed committed[] = {{{{stage::Topic::events, shard_}, epoch}, epoch, 2}};
    ASSERT_TRUE(brokers_->finish(committed));
    store::Batch batch;
    for (const stage::Row& row : rows) batch.add(row);
    marker_ = {epoch, *offset + 1};
    put_marker(batch, shard_, marker_);
    ASSERT_TRUE(store_->write(batch));
  }
  // What a link does that finds the topic to be another one.
  void begin_turn_anew() {
    kafka::Turn turn;
    turn.whole_from = kafka::Turn::kNever;
    store::Batch batch;
    batch.add(kafka::row_of_turn(shard_, turn));
    ASSERT_TRUE(store_->write(batch));
  }
  void trim(std::int64_t before) { brokers_->trim(shard_, before); }
  std::int64_t epochs() const { return marker_.epoch; }
  std::int64_t whole_from() const { return kafka::read_turn(*store_, shard_)->whole_from.value_or(-2); }
  kafka::Brokers& brokers() { return *brokers_; }
  const store::RocksStore& store() const { return *store_; }

 private:
  static constexpr std::size_t kRecord_bytes = 60;  // an epoch is several records

  const int shard_;
  std::unique_ptr<store::RocksStore> store_;
  std::unique_ptr<kafka::Brokers> brokers_;
  kafka::Marker marker_;
};

}  // namespace echoloop::kafka_tests

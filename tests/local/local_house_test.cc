// What only the house on disk has to keep, beside the contract of links (tests/links).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "pipeline/local/local_link.h"
#include "tests/local/child.h"
#include "tests/local/file_limit.h"
#include "tests/local/log_tests.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;
using stage::Topic;
using testing::HasSubstr;

class LocalHouseTest : public testing::Test {
 protected:
  LocalHouseTest() { options_.store.memory_bytes = 16 << 20; }
  fs::path path() const { return folder_.path() / "data"; }
  std::unique_ptr<LocalHouse> open() {
    auto house = LocalHouse::open(path(), options_);
    EXPECT_TRUE(house) << house.error().text();
    return house ? std::move(*house) : nullptr;
  }
  Error refusal() {
    auto house = LocalHouse::open(path(), options_);
    EXPECT_FALSE(house);
    return house ? Error{} : house.error();
  }
  static std::unique_ptr<stage::Link> fresh_link(LocalHouse& house, int worker = 0, int workers = 1) {
    auto link = house.link(worker, workers);
    EXPECT_FALSE(link->poll(Duration{0}, {})->assigned.empty());
    return link;
  }
  static stage::Epoch sending(Topic topic, std::string key, std::string value) {
    stage::Epoch epoch;
    epoch.outputs.push_back({topic, stage::Kind::delta, std::move(key), std::move(value), from_ms(1)});
    return epoch;
  }

  TemporaryFolder folder_;
  HouseOptions options_{.partitions = 4, .store = {}, .log = {}};
};

TEST_F(LocalHouseTest, TheFolderSaysWhoHoldsIt) {
  auto house = open();
  EXPECT_EQ(refusal().reason, "data folder " + path().string() + " is in use by process " + std::to_string(getpid()));
  house.reset();
  open();
}

// Holds the folder until its input ends, and leaves without any farewell.
int hold(const fs::path& folder) {
  auto house = LocalHouse::open(folder, {});
  const std::string_view word = house ? "held\n" : "refused\n";
  if (write(STDOUT_FILENO, word.data(), word.size()) < 0) return 1;
  char byte = 0;
  (void)!read(STDIN_FILENO, &byte, 1);
  _exit(0);
}
const Role holder{"hold", hold};

TEST_F(LocalHouseTest, ASecondProcessIsToldAndTheLockEndsWithItsHolder) {
  { open(); }
  Child child{"hold", path()};
  EXPECT_EQ(child.line(), "held");
  EXPECT_THAT(refusal().reason, HasSubstr("is in use by process " + std::to_string(child.id())));
  child.end_input();
  EXPECT_EQ(child.wait(), 0);
  open();
}

TEST_F(LocalHouseTest, PartitionsAreThoseOfTheFolder) {
  { EXPECT_EQ(open()->partitions(), 4); }
  options_.partitions = 8;
  EXPECT_EQ(refusal().fault, Fault::configuration);
  options_.partitions.reset();
  EXPECT_EQ(open()->partitions(), 4);
}

TEST_F(LocalHouseTest, AStoreDoesNotTakeTheLogOfAnother) {
  TemporaryFolder other;
  {
    open();
    auto house = LocalHouse::open(other.path() / "data", options_);
    ASSERT_TRUE(house);
  }
  fs::remove_all(path() / "log");
  fs::copy(other.path() / "data" / "log", path() / "log", fs::copy_options::recursive);
  EXPECT_THAT(refusal().reason, HasSubstr("do not belong together"));
}

TEST_F(LocalHouseTest, NoEventsAreHandedOutWhileTheQueueIsFull) {
  options_.queued_bytes_max = 5000;
  auto house = open();
  auto link = fresh_link(*house);
  ASSERT_TRUE(append_text(house->log(), 1, "event"));
  ASSERT_TRUE(link->commit(sending(Topic::deltas, "d", std::string(3000, 'x'))));
  ASSERT_TRUE(link->commit(sending(Topic::cases, "c", std::string(3000, 'x'))));
  auto poll = link->poll(Duration{0}, {});
  ASSERT_EQ(poll->slices.size(), 2u);
  EXPECT_EQ(poll->slices[0].partition.topic, Topic::cases);
  EXPECT_EQ(poll->slices[1].partition.topic, Topic::deltas);
  EXPECT_TRUE(link->poll(Duration{0}, {})->empty()) << "handed out is not consumed";
  stage::Epoch epoch;
  epoch.positions.push_back({poll->slices[0].partition, 1});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  poll = link->poll(Duration{0}, {});
  ASSERT_EQ(poll->slices.size(), 1u);
  EXPECT_EQ(poll->slices[0].partition.topic, Topic::events);
}

TEST_F(LocalHouseTest, DeltasGatherWhileThereAreEventsButNeitherForLongNorWithoutBound) {
  const auto topics = [this] {
    auto house = open();
    auto link = fresh_link(*house);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(append_text(house->log(), 1, "event"));
    EXPECT_TRUE(link->commit(sending(Topic::deltas, "d", std::string(3000, 'x'))));
    std::string out;
    for (auto poll = link->poll(Duration{0}, {.records_max = 1}); !poll->empty();
         poll = link->poll(Duration{0}, {.records_max = 1})) {
      for (const stage::Slice& slice : poll->slices) out += slice.partition.topic == Topic::deltas ? 'd' : 'e';
    }
    link.reset();
    house.reset();
    fs::remove_all(path());
    return out;
  };
  options_.deltas_wait = std::chrono::hours{1};
  EXPECT_EQ(topics(), "eed");
  options_.deltas_wait = Duration{0};
  EXPECT_EQ(topics(), "dee");
  options_.deltas_wait = std::chrono::hours{1};
  options_.queued_bytes_max = 8000;
  EXPECT_EQ(topics(), "dee");
}

// The worker that only has events to do must learn that the other one made room.
TEST_F(LocalHouseTest, RoomInTheQueueWakesWhoWaitsForEvents) {
  options_.queued_bytes_max = 1000;
  auto house = open();
  auto even = fresh_link(*house, 0, 2), odd = fresh_link(*house, 1, 2);
  ASSERT_TRUE(even->commit(sending(Topic::deltas, key_for(0, 4), std::string(3000, 'x'))));
  ASSERT_TRUE(append_text(house->log(), 1, "event"));
  ASSERT_TRUE(odd->poll(Duration{0}, {})->empty());
  std::thread other{[&] {
    auto poll = even->poll(Duration{0}, {});
    stage::Epoch epoch;
    epoch.positions.push_back({poll->slices.at(0).partition, 1});
    EXPECT_TRUE(even->commit(std::move(epoch)));
  }};
  auto poll = odd->poll(std::chrono::minutes{5}, {});
  other.join();
  ASSERT_EQ(poll->slices.size(), 1u);
  EXPECT_EQ(values_of(poll->slices[0]), std::vector<std::string>{"event"});
}

TEST_F(LocalHouseTest, ListenersHearEachCommitAfterItIsTrue) {
  auto house = open();
  auto link = fresh_link(*house);
  std::vector<bool> seen;
  house->on_commit([&] { seen.push_back(house->store().get(stage::Table::tasks, 0, "row").value().has_value()); });
  ASSERT_TRUE(link->commit({}));
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::tasks, 0, "row", "x"});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  EXPECT_THAT(seen, testing::ElementsAre(false, true));
}

TEST_F(LocalHouseTest, ConsumedOutputsLeaveTheDisk) {
  auto house = open();
  auto link = fresh_link(*house);
  const int partition = partition_of("a", 4);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(link->commit(sending(Topic::cases, "a", std::to_string(i))));
  ASSERT_FALSE(link->poll(Duration{0}, {})->empty());
  stage::Epoch epoch;
  epoch.positions.push_back({{Topic::cases, partition}, 3});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  auto left = house->read_topic(Topic::cases, partition, 0, {});
  EXPECT_THAT(values_of(*left), testing::ElementsAre("3", "4"));
  EXPECT_EQ(left->records[0].offset, 3);
}

TEST_F(LocalHouseTest, OffsetsGoOnAfterEverythingWasConsumedAndReopened) {
  const int partition = partition_of("a", 4);
  for (std::int64_t round = 0; round < 3; ++round) {
    auto house = open();
    auto link = fresh_link(*house);
    ASSERT_TRUE(link->commit(sending(Topic::deltas, "a", "x")));
    auto poll = link->poll(Duration{0}, {});
    ASSERT_EQ(poll->slices.size(), 1u);
    EXPECT_EQ(poll->slices[0].records.at(0).offset, round);
    stage::Epoch epoch;
    epoch.positions.push_back({{Topic::deltas, partition}, round + 1});
    ASSERT_TRUE(link->commit(std::move(epoch)));
  }
}

TEST_F(LocalHouseTest, AnEpochThatWritesWhereItMayNotIsRefused) {
  auto house = open();
  EXPECT_FALSE(fresh_link(*house)->commit(sending(Topic::events, "a", "x")));
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::tasks, 4, "row", "x"});
  EXPECT_FALSE(fresh_link(*house)->commit(std::move(epoch)));
  EXPECT_EQ(house->log().end_offset(partition_of("a", 4)), 0);
}

// In a process of its own, because the store then refuses everything and the limit counts for all files.
int commit_on_full_disk(const fs::path& folder) {
  auto house = LocalHouse::open(folder, {});
  if (!house) return 10;
  auto link = (*house)->link(0, 1);
  (void)link->poll(Duration{0}, {});
  auto poll = link->poll(Duration{0}, {});
  if (!poll || poll->slices.size() != 1) return 11;
  stage::Epoch epoch;
  epoch.outputs.push_back({Topic::tasks, stage::Kind::task, "a", std::string(200'000, 't'), from_ms(1)});
  for (int i = 0; i < 20; ++i)
    epoch.rows.push_back({stage::Table::tasks, 0, std::to_string(i), std::string(20'000, 'r')});
  epoch.positions.push_back({{Topic::events, 1}, 1});
  FileSizeLimit limit{100'000};
  auto done = link->commit(std::move(epoch));
  if (done || done.error().fault != Fault::world) return 12;
  if (link->poll(Duration{0}, {})) return 13;
  if (!(*house)->read_topic(Topic::tasks, partition_of("a", 4), 0, {})->records.empty()) return 14;
  if ((*house)->link(0, 1)->commit({})) return 15;  // the store refuses until it is opened anew
  return 0;
}
const Role full_disk{"commit on full disk", commit_on_full_disk};

TEST_F(LocalHouseTest, ACommitOnAFullDiskIsNotHalfTrue) {
  { ASSERT_TRUE(append_text(open()->log(), 1, "event")); }
  Child child{"commit on full disk", path()};
  ASSERT_EQ(child.wait(), 0);
  auto house = open();
  int rows = 0;
  ASSERT_TRUE(house->store().scan(stage::Table::tasks, 0, "", "", [&](auto, auto) { return ++rows > 0; }));
  EXPECT_EQ(rows, 0);
  auto link = fresh_link(*house);
  auto poll = link->poll(Duration{0}, {});
  ASSERT_EQ(poll->slices.size(), 1u) << "the event comes again";
  EXPECT_EQ(values_of(poll->slices[0]), std::vector<std::string>{"event"});
}

// Without fsync a power cut may take the log's tail and leave the store's: offsets that were counted are not given
// again.
TEST_F(LocalHouseTest, ALogThatLostItsTailGoesOnBehindTheStore) {
  options_.log.sync = Sync::never;
  {
    auto house = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(append_text(house->log(), 2, std::to_string(i)));
    auto link = fresh_link(*house);
    ASSERT_FALSE(link->poll(Duration{0}, {})->empty());
    stage::Epoch epoch;
    epoch.positions.push_back({{Topic::events, 2}, 3});
    ASSERT_TRUE(link->commit(std::move(epoch)));
  }
  const fs::path segment = path() / "log" / "000000000001.log";
  fs::resize_file(segment, fs::file_size(segment) - 10);
  auto house = open();
  ASSERT_EQ(house->repairs().size(), 2u);
  EXPECT_THAT(house->repairs()[0], HasSubstr("cut"));
  EXPECT_THAT(house->repairs()[1], HasSubstr("events 2: offsets 2 to 2 are lost from the log"));
  auto link = fresh_link(*house);
  EXPECT_TRUE(link->poll(Duration{0}, {})->empty());
  ASSERT_TRUE(append_text(house->log(), 2, "new"));
  auto poll = link->poll(Duration{0}, {});
  ASSERT_EQ(poll->slices.size(), 1u);
  EXPECT_EQ(poll->slices[0].records.at(0).offset, 3);
  EXPECT_EQ(poll->slices[0].records.at(0).value, "new");
}

}  // namespace
}  // namespace echoloop::local

// What every implementation of stage::Link promises to the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <thread>

#include "pipeline/base/hash.h"
#include "tests/links/houses.h"
#include "tests/links/tally.h"

namespace echoloop {
namespace {

using houses::Event;
using stage::Topic;

constexpr Duration kLong = std::chrono::minutes{5};

class LinkContract : public testing::TestWithParam<houses::Kind> {
 protected:
  void SetUp() override { make(4); }
  void make(int partitions) { house_ = GetParam().make(partitions); }

  std::unique_ptr<stage::Link> fresh_link(int worker = 0, int workers = 1) {
    auto link = house_->link(worker, workers);
    auto first = link->poll(Duration{0}, {});
    EXPECT_TRUE(first && first->slices.empty());
    return link;
  }

  static stage::Poll poll(stage::Link& link, const stage::PollLimits& limits = {}) {
    auto found = link.poll(Duration{0}, limits);
    EXPECT_TRUE(found) << found.error().text();
    return found.value_or(stage::Poll{});
  }

  static std::vector<std::string> values_of(const stage::Poll& found, std::optional<Topic> topic = {}) {
    std::vector<std::string> values;
    for (const auto& slice : found.slices) {
      if (topic && slice.partition.topic != *topic) continue;
      for (const auto& record : slice.records) values.emplace_back(record.value);
    }
    return values;
  }

  static std::vector<stage::Position> positions_of(const stage::Poll& found) {
    std::vector<stage::Position> positions;
    for (const auto& slice : found.slices) positions.push_back({slice.partition, slice.records.back().offset + 1});
    return positions;
  }

  std::optional<std::string> row(std::string_view key, int shard = 0) const {
    auto value = house_->view().get(stage::Table::sessions, shard, key);
    EXPECT_TRUE(value);
    return value.value_or(std::nullopt);
  }

  std::unique_ptr<houses::House> house_;
};

TEST_P(LinkContract, WorkersShareAllPartitionsWithoutOverlap) {
  for (int partitions : {4, 5, 7}) {
    make(partitions);
    for (int workers : {1, 2, 3, 9}) {
      std::set<stage::Partition> seen;
      for (int worker = 0; worker < workers; ++worker) {
        auto link = house_->link(worker, workers);
        for (stage::Partition partition : poll(*link).assigned) {
          EXPECT_EQ(partition.number % workers, worker);
          EXPECT_TRUE(seen.insert(partition).second);
        }
        EXPECT_TRUE(poll(*link).assigned.empty()) << "assignments come once";
      }
      EXPECT_EQ(seen.size(), static_cast<std::size_t>(3 * partitions));
    }
  }
}

TEST_P(LinkContract, RecordsArriveWholeAndOnThePartitionOfTheirKey) {
  const std::string binary{"\0\xff\n{}", 5};
  house_->append({{"a", binary, from_ms(1000)}, {"", "", from_ms(2000)}});
  auto link = fresh_link();
  std::set<std::string> values;
  for (const auto& slice : poll(*link).slices) {
    EXPECT_EQ(slice.partition.topic, Topic::events);
    for (const auto& record : slice.records) {
      EXPECT_EQ(slice.partition.number, partition_of(record.key, 4));
      EXPECT_EQ(record.kind, stage::Kind::event);
      EXPECT_EQ(record.at, from_ms(record.key == "a" ? 1000 : 2000));
      EXPECT_EQ(record.offset, 0);
      values.emplace(record.value);
    }
  }
  EXPECT_THAT(values, testing::ElementsAre("", binary));
}

TEST_P(LinkContract, TimesNeverRunBackwards) {
  house_->append({{"a", "1", from_ms(5000)}, {"a", "2", from_ms(3000)}});
  house_->append({{"a", "3", from_ms(4000)}, {"a", "4", from_ms(6000)}});
  auto link = fresh_link();
  std::vector<std::int64_t> times;
  for (const auto& slice : poll(*link).slices) {
    for (const auto& record : slice.records) times.push_back(to_ms(record.at));
  }
  EXPECT_THAT(times, testing::ElementsAre(5000, 5000, 5000, 6000));
}

TEST_P(LinkContract, RecordsArriveInOrderWithoutRepetitionWhateverTheLimits) {
  std::vector<Event> events;
  std::map<int, std::vector<std::string>> wanted;
  for (int i = 0; i < 500; ++i) {
    events.push_back({"k" + std::to_string(i % 17), std::to_string(i), from_ms(i)});
    wanted[partition_of(events.back().key, 4)].push_back(events.back().value);
  }
  for (std::size_t i = 0; i < events.size(); i += 50) house_->append({events.begin() + i, events.begin() + i + 50});
  for (stage::PollLimits limits :
       {stage::PollLimits{}, {.records_max = 1}, {.records_max = 7}, {.bytes_max = 10}, {.bytes_max = 1}}) {
    auto link = fresh_link();
    std::map<int, std::vector<std::string>> got;
    for (stage::Poll found = poll(*link, limits); !found.empty(); found = poll(*link, limits)) {
      std::size_t records = 0;
      for (const auto& slice : found.slices) {
        for (const auto& record : slice.records) {
          EXPECT_EQ(static_cast<std::size_t>(record.offset), got[slice.partition.number].size());
          got[slice.partition.number].emplace_back(record.value);
          ++records;
        }
      }
      EXPECT_LE(records, limits.records_max);
    }
    EXPECT_EQ(got, wanted);
  }
}

TEST_P(LinkContract, WakeEndsAPollEvenWhenItCameFirst) {
  auto link = fresh_link();
  link->wake();
  auto found = link->poll(kLong, {});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
  std::thread other{[&] { link->wake(); }};
  found = link->poll(kLong, {});
  other.join();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST_P(LinkContract, AnAppendEndsAPoll) {
  auto link = fresh_link();
  std::thread other{[&] { house_->append({{"a", "1", from_ms(1)}}); }};
  auto found = link->poll(kLong, {});
  other.join();
  ASSERT_TRUE(found);
  EXPECT_THAT(values_of(*found), testing::ElementsAre("1"));
}

TEST_P(LinkContract, ACommitEndsThePollOfTheWorkerThatItsOutputsGoTo) {
  auto sender = fresh_link(0, 2), receiver = fresh_link(1, 2);
  std::string key = "x";
  while (partition_of(key, 4) % 2 != 1) key += "x";
  std::thread other{[&] {
    stage::Epoch epoch;
    epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, key, "d", from_ms(7)});
    EXPECT_TRUE(sender->commit(std::move(epoch)));
  }};
  auto found = receiver->poll(kLong, {});
  other.join();
  ASSERT_TRUE(found);
  EXPECT_THAT(values_of(*found, Topic::deltas), testing::ElementsAre("d"));
  EXPECT_TRUE(values_of(poll(*sender)).empty());
}

TEST_P(LinkContract, NothingOfAnEpochShowsBeforeItsCommitAndAllAfter) {
  house_->append({{"a", "1", from_ms(1)}});
  auto link = fresh_link();
  stage::Poll found = poll(*link);
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::sessions, 0, "row", "value"});
  epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, "a", "d", from_ms(1)});
  epoch.outputs.push_back({Topic::cases, stage::Kind::finding, "a", "c", from_ms(1)});
  epoch.outputs.push_back({Topic::tasks, stage::Kind::task, "a", "t", from_ms(1)});
  epoch.positions = positions_of(found);
  const int partition = partition_of("a", 4);

  EXPECT_EQ(row("row"), std::nullopt);
  EXPECT_TRUE(poll(*link).empty());
  EXPECT_TRUE(house_->read_topic(Topic::tasks, partition, 0).records.empty());
  ASSERT_TRUE(link->commit(std::move(epoch)));
  EXPECT_EQ(row("row"), "value");
  EXPECT_THAT(values_of(poll(*link)), testing::ElementsAre("c", "d")) << "cases come before deltas";
  ASSERT_EQ(house_->read_topic(Topic::tasks, partition, 0).records.size(), 1u);
  EXPECT_EQ(house_->read_topic(Topic::tasks, partition, 0).records[0].value, "t");
}

TEST_P(LinkContract, RowsAreErasedByCommitsToo) {
  house_->write({{stage::Table::sessions, 1, "gone", "x"}, {stage::Table::sessions, 1, "kept", "y"}});
  auto link = fresh_link();
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::sessions, 1, "gone", std::nullopt});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  EXPECT_EQ(row("gone", 1), std::nullopt);
  EXPECT_EQ(row("kept", 1), "y");
}

TEST_P(LinkContract, AFailedCommitChangesNothing) {
  house_->append({{"a", "1", from_ms(1)}, {"a", "2", from_ms(2)}});
  auto link = fresh_link();
  stage::Poll found = poll(*link);
  ASSERT_THAT(values_of(found), testing::ElementsAre("1", "2"));
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::sessions, 0, "row", "value"});
  epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, "a", "d", from_ms(1)});
  epoch.outputs.push_back({Topic::tasks, stage::Kind::task, "a", "t", from_ms(1)});
  epoch.positions = positions_of(found);
  epoch.positions.push_back({found.slices[0].partition, 99});  // never handed out
  EXPECT_FALSE(link->commit(std::move(epoch)));
  EXPECT_FALSE(link->poll(Duration{0}, {})) << "the link must be made anew";
  EXPECT_FALSE(link->commit({}));

  EXPECT_EQ(row("row"), std::nullopt);
  EXPECT_TRUE(house_->read_topic(Topic::tasks, partition_of("a", 4), 0).records.empty());
  link.reset();
  link = fresh_link();
  EXPECT_THAT(values_of(poll(*link)), testing::ElementsAre("1", "2")) << "no position moved, no output exists";
}

TEST_P(LinkContract, AnEpochCannotMovePartitionsOfOthers) {
  auto link = fresh_link(0, 2);
  stage::Epoch epoch;
  epoch.positions.push_back({{Topic::events, 1}, 0});
  EXPECT_FALSE(link->commit(std::move(epoch)));
}

TEST_P(LinkContract, AfterReopeningOnlyWhatWasCommittedIsTrue) {
  house_->append({{"a", "1", from_ms(1)}, {"a", "2", from_ms(2)}, {"a", "3", from_ms(3)}});
  auto link = fresh_link();
  stage::Poll found = poll(*link, {.records_max = 1});
  stage::Epoch epoch;
  epoch.rows.push_back({stage::Table::sessions, 3, "row", "value"});
  for (const char* value : {"d1", "d2", "d3"})
    epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, "a", value, from_ms(9)});
  epoch.positions = positions_of(found);
  ASSERT_TRUE(link->commit(std::move(epoch)));
  ASSERT_FALSE(poll(*link).empty());  // handed out, never committed
  link.reset();
  house_->reopen();

  EXPECT_EQ(row("row", 3), "value");
  link = fresh_link();
  // Deltas may wait while there are events.
  std::vector<stage::Slice> deltas;
  std::vector<std::string> events;
  for (found = poll(*link); !found.empty(); found = poll(*link)) {
    for (const std::string& value : values_of(found, Topic::events)) events.push_back(value);
    for (const stage::Slice& slice : found.slices) {
      if (slice.partition.topic == Topic::deltas) deltas.push_back(slice);
    }
  }
  EXPECT_THAT(events, testing::ElementsAre("2", "3"));
  ASSERT_EQ(deltas.size(), 1u);
  ASSERT_EQ(deltas[0].records.size(), 3u);
  EXPECT_EQ(deltas[0].records[0].value, "d1");
  EXPECT_EQ(deltas[0].records[0].kind, stage::Kind::delta);
  EXPECT_EQ(deltas[0].records[0].key, "a");
  EXPECT_EQ(deltas[0].records[0].at, from_ms(9));

  // What is consumed is gone for good.
  epoch = {};
  epoch.positions.push_back({deltas[0].partition, deltas[0].records[1].offset});
  epoch.positions.push_back({{Topic::events, partition_of("a", 4)}, 3});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  EXPECT_EQ(house_->read_topic(Topic::deltas, partition_of("a", 4), 0).records.size(), 2u);
  link.reset();
  house_->reopen();
  link = fresh_link();
  EXPECT_THAT(values_of(poll(*link), Topic::deltas), testing::ElementsAre("d2", "d3"));
}

TEST_P(LinkContract, TasksStayAndTheirOffsetsGoOn) {
  const int partition = partition_of("task", 4);
  for (int round = 0; round < 3; ++round) {
    auto link = fresh_link();
    stage::Epoch epoch;
    epoch.outputs.push_back({Topic::tasks, stage::Kind::task, "task", std::to_string(2 * round), from_ms(round)});
    epoch.outputs.push_back({Topic::tasks, stage::Kind::task, "task", std::to_string(2 * round + 1), from_ms(round)});
    ASSERT_TRUE(link->commit(std::move(epoch)));
    link.reset();
    house_->reopen();
  }
  stage::Slice slice = house_->read_topic(Topic::tasks, partition, 2);
  ASSERT_EQ(slice.records.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(slice.records[i].offset, static_cast<std::int64_t>(i + 2));
    EXPECT_EQ(slice.records[i].value, std::to_string(i + 2));
  }
}

TEST_P(LinkContract, SlicesOutliveTheirCommit) {
  auto link = fresh_link();
  stage::Epoch epoch;
  const std::string value(1000, 'v');
  epoch.outputs.push_back({Topic::deltas, stage::Kind::delta, "a", value, from_ms(1)});
  ASSERT_TRUE(link->commit(std::move(epoch)));
  stage::Poll found = poll(*link);
  epoch = {};
  epoch.positions = positions_of(found);
  ASSERT_TRUE(link->commit(std::move(epoch)));
  EXPECT_EQ(found.slices.at(0).records.at(0).value, value);
}

// Random limits, random restarts, random failures, two workers: each event is counted once in every stage all the same.
TEST_P(LinkContract, EveryRecordCountsExactlyOnceThroughRestartsAndFailures) {
  std::mt19937 dice{20260301};
  tally::Counts wanted;
  std::vector<std::unique_ptr<stage::Link>> links;
  int number = 0;
  for (int round = 0; round < 300; ++round) {
    if (links.empty()) {
      for (int worker = 0; worker < 2; ++worker) links.push_back(house_->link(worker, 2));
    }
    std::vector<Event> events;
    for (unsigned i = dice() % 4; i > 0; --i) {
      events.push_back({"k" + std::to_string(dice() % 23), std::to_string(number++), from_ms(number)});
      ++wanted[events.back().key];
    }
    if (!events.empty()) house_->append(events);
    stage::Link& link = *links[dice() % 2];
    const stage::PollLimits limits{.records_max = 1 + dice() % 9};
    switch (dice() % 8) {
      case 0:  // die with records in hand
        (void)poll(link, limits);
        links.clear();
        house_->reopen();
        break;
      case 1: {  // a commit that fails
        auto epoch = tally::epoch_of(poll(link, limits), link.view());
        ASSERT_TRUE(epoch);
        epoch->positions.push_back({{Topic::tasks, 0}, 1});
        ASSERT_FALSE(link.commit(std::move(*epoch)));
        links.clear();
        break;
      }
      default: {
        auto done = tally::step(link, limits);
        ASSERT_TRUE(done) << done.error().text();
      }
    }
  }
  links.clear();
  auto link = fresh_link();
  for (;;) {
    auto done = tally::step(*link, {});
    ASSERT_TRUE(done) << done.error().text();
    if (*done == 0) break;
  }
  for (Topic topic : {Topic::events, Topic::deltas, Topic::cases}) {
    EXPECT_EQ(tally::counts_of(house_->view(), topic, 4), wanted) << stage::name_of(topic);
  }
  tally::Counts tasks;
  for (int partition = 0; partition < 4; ++partition) {
    stage::Slice slice = house_->read_topic(Topic::tasks, partition, 0);
    for (const auto& record : slice.records) ++tasks[std::string{record.key}];
  }
  EXPECT_EQ(tasks, wanted);
}

INSTANTIATE_TEST_SUITE_P(Houses, LinkContract, testing::ValuesIn(houses::all_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace echoloop

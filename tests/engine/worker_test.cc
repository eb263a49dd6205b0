// Epochs of one worker, in one thread.
#include "pipeline/engine/worker.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/engine/counting_stage.h"
#include "tests/engine/scripted_link.h"

namespace echoloop {
namespace {

using engine::EpochLimits;
using engine::Worker;
using engine_tests::counted;
using engine_tests::counter;
using engine_tests::Diary;
using engine_tests::ScriptedLink;
using engine_tests::told;
using engine_tests::World;
using stage::Topic;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

using Counts = std::map<std::string, std::int64_t>;

EpochLimits one_poll() {
  EpochLimits limits;
  limits.interval = Duration{0};
  return limits;
}

// A worker on a house in memory.
class WorkerOnAHouse : public testing::Test {
 protected:
  void append(std::string_view key, std::string_view value, int times = 1) {
    for (; times > 0; --times) house_.append(stage::Kind::event, key, value, from_ms(++at_));
  }
  std::unique_ptr<Worker> worker(EpochLimits limits) {
    return std::make_unique<Worker>(
        stages_, [this]() -> Result<std::unique_ptr<stage::Link>> { return house_.link(0, 1); }, limits);
  }
  // Epochs until nothing is left; answers how many committed something.
  static int settle(Worker& worker) {
    for (int epochs = 0;; ++epochs) {
      auto done = worker.run_epoch(Duration{0});
      if (!done) ADD_FAILURE() << done.error().text();
      if (!done || !*done) return epochs;
    }
  }

  Diary diary_;
  const std::vector<stage::StageSpec> stages_ = engine_tests::counting_stages(diary_);
  memory::MemoryHouse house_{4};
  std::int64_t at_ = 0;
};

TEST_F(WorkerOnAHouse, AnEpochWithoutRecordsCommitsNothing) {
  auto idle = worker(one_poll());
  EXPECT_EQ(settle(*idle), 0);
  EXPECT_EQ(diary_.epochs, 0);
  EXPECT_EQ(diary_.begun, 4);  // one a shard
}

TEST_F(WorkerOnAHouse, RowsOutputsAndPositionsBecomeTrueTogether) {
  append("a", "", 3);
  append("b", "", 2);
  auto busy = worker(one_poll());
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  EXPECT_EQ(counted(house_), (Counts{{"a", 3}, {"b", 2}}));
  EXPECT_EQ(told(house_), Counts{});  // travels to the next stage, read in the next epoch
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  EXPECT_EQ(told(house_), (Counts{{"a", 3}, {"b", 2}}));
  EXPECT_EQ(busy->run_epoch(Duration{0}), false);
  EXPECT_EQ(counter(house_, "records"), 5);
}

TEST_F(WorkerOnAHouse, EpochsEndAtTheirNumberOfRecords) {
  append("a", "", 25);
  EpochLimits limits;
  limits.interval = std::chrono::hours{1};  // never by time
  limits.records_max = 10;
  auto busy = worker(limits);
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  EXPECT_EQ(counted(house_)["a"], 10);
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  // One record of the ten was what the first epoch had told the next stage.
  EXPECT_EQ(counted(house_)["a"], 19);
}

TEST_F(WorkerOnAHouse, AnEpochReadsLessAfterOneThatWroteMuch) {
  append("a", std::string(100, 'x'), 60);
  EpochLimits limits;
  limits.interval = std::chrono::hours{1};  // never by time
  limits.read_bytes_max = 2000;
  limits.read_bytes_min = 300;
  limits.written_bytes = 1;
  auto busy = worker(limits);
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  const std::int64_t first = counted(house_)["a"];
  EXPECT_THAT(first, testing::AllOf(testing::Ge(19), testing::Le(21)));
  ASSERT_EQ(busy->run_epoch(Duration{0}), true);
  EXPECT_THAT(counted(house_)["a"] - first, testing::AllOf(testing::Ge(1), testing::Le(4)));
}

TEST_F(WorkerOnAHouse, AFailedCommitLeavesNoTraceAndTheRecordsComeAgain) {
  append("a", "", 3);
  auto unlucky = worker(one_poll());
  house_.fail_next_commit({Fault::world, "disk", "is full"});
  auto done = unlucky->run_epoch(Duration{0});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::world);
  EXPECT_THAT(done.error().text(), testing::HasSubstr("is full"));
  EXPECT_EQ(counted(house_), Counts{});
  EXPECT_EQ(counter(house_, "records"), 0);
  for (int p = 0; p < 4; ++p) {
    EXPECT_EQ(house_.position({Topic::events, p}), 0);
    EXPECT_THAT(house_.read_topic(Topic::deltas, p, 0, {}).records, IsEmpty());
  }
  append("a", "");
  settle(*unlucky);
  EXPECT_EQ(counted(house_), (Counts{{"a", 4}}));
  EXPECT_EQ(told(house_), (Counts{{"a", 4}}));
  EXPECT_EQ(counter(house_, "records"), 4);
  EXPECT_EQ(diary_.processed, 7);
  EXPECT_EQ(diary_.made, 8);  // the shards were made anew
}

TEST_F(WorkerOnAHouse, WorkGoesOnInFurtherEpochsWithoutRecords) {
  append("a", "more 4");
  auto busy = worker(one_poll());
  const int epochs = settle(*busy);
  EXPECT_EQ(counter(house_, "rounds"), 4);
  EXPECT_EQ(epochs, 4);
  EXPECT_EQ(counted(house_), (Counts{{"a", 1}}));
}

TEST_F(WorkerOnAHouse, RecordsThatComeMeanwhileDoNotAddAnEpoch) {
  append("a", "more 3");
  auto busy = worker(one_poll());
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(busy->run_epoch(Duration{0}), true);
    append("a", "");
  }
  settle(*busy);
  EXPECT_EQ(counter(house_, "rounds"), 3);
  EXPECT_EQ(counted(house_), (Counts{{"a", 3}}));
  const int epochs = diary_.epochs;
  EXPECT_EQ(busy->run_epoch(Duration{0}), false);
  EXPECT_EQ(diary_.epochs, epochs);
}

TEST_F(WorkerOnAHouse, WorkLeftOverGoesOnAfterAFailedCommitAndARestart) {
  append("a", "more 5");
  auto first = worker(one_poll());
  ASSERT_EQ(first->run_epoch(Duration{0}), true);
  house_.fail_next_commit({Fault::world, "", "lost"});
  ASSERT_FALSE(first->run_epoch(Duration{0}));
  ASSERT_EQ(first->run_epoch(Duration{0}), true);
  EXPECT_EQ(counter(house_, "rounds"), 2);
  first.reset();
  auto second = worker(one_poll());
  settle(*second);
  EXPECT_EQ(counter(house_, "rounds"), 5);
}

TEST_F(WorkerOnAHouse, StageTimeNeverRunsBackwardsOverARestart) {
  house_.append(stage::Kind::event, "a", "", from_ms(5000));
  settle(*worker(one_poll()));
  // The next stage hands on the time of what it follows from.
  for (int p = 0; p < 4; ++p) {
    for (const auto& record : house_.read_topic(Topic::deltas, p, 0, {}).records) EXPECT_EQ(record.at, from_ms(5000));
  }
  append("a", "more 1");  // later in the log than 5000, although its own time is 1
  auto again = worker(one_poll());
  ASSERT_EQ(again->run_epoch(Duration{0}), true);
  std::vector<Time> times;
  for (int p = 0; p < 4; ++p) {
    for (const auto& record : house_.read_topic(Topic::deltas, p, 0, {}).records) times.push_back(record.at);
  }
  EXPECT_THAT(times, ElementsAre(from_ms(5000)));
}

// A worker on a link whose every answer the test lays out.
class WorkerOnALink : public testing::Test {
 protected:
  static constexpr stage::Partition kEvents{Topic::events, 0};

  stage::Poll records(std::initializer_list<const char*> values) {
    stage::Poll poll;
    stage::Slice slice;
    slice.partition = kEvents;
    for (const char* value : values) slice.records.push_back({stage::Kind::event, "k", value, from_ms(1), offset_++});
    poll.slices.push_back(std::move(slice));
    return poll;
  }
  void lay_out(stage::Poll poll) {
    world_.polls.emplace_back([poll](Duration, const stage::PollLimits&) -> Result<stage::Poll> { return poll; });
  }
  void assign() {
    stage::Poll poll;
    poll.assigned = {kEvents};
    lay_out(std::move(poll));
  }
  Worker worker(EpochLimits limits) {
    return {stages_,
            [this]() -> Result<std::unique_ptr<stage::Link>> { return std::make_unique<ScriptedLink>(world_); },
            limits};
  }
  // Records in a commit.
  static std::int64_t next_offset(const stage::Epoch& epoch) { return epoch.positions.at(0).next_offset; }

  Diary diary_;
  const std::vector<stage::StageSpec> stages_ = engine_tests::counting_stages(diary_);
  World world_;
  std::int64_t offset_ = 0;
};

TEST_F(WorkerOnALink, EpochsEndByTime) {
  assign();
  lay_out(records({"1"}));
  lay_out(records({"2"}));
  EpochLimits limits;
  limits.interval = Duration{50};
  auto it = worker(limits);
  const auto from = steady_clock::now();
  ASSERT_EQ(it.run_epoch(std::chrono::hours{1}), true);
  EXPECT_GE(steady_clock::now() - from, Duration{50});
  ASSERT_EQ(world_.commits.size(), 1u);
  EXPECT_EQ(next_offset(world_.commits[0]), 2);
  // It asked for as long as there was no record, then for what was left of the epoch.
  ASSERT_GE(world_.timeouts.size(), 3u);
  EXPECT_EQ(world_.timeouts[0], std::chrono::hours{1});
  EXPECT_EQ(world_.timeouts[1], std::chrono::hours{1});
  for (std::size_t i = 2; i < world_.timeouts.size(); ++i) EXPECT_LE(world_.timeouts[i], Duration{50});
}

TEST_F(WorkerOnALink, AHurryEndsTheEpochAtOnce) {
  assign();
  lay_out(records({"1"}));
  lay_out(records({"2", "hurry"}));
  lay_out(records({"3"}));
  EpochLimits limits;
  limits.interval = std::chrono::hours{1};
  limits.hurry_interval = Duration{0};
  auto it = worker(limits);
  ASSERT_EQ(it.run_epoch(Duration{0}), true);
  ASSERT_EQ(world_.commits.size(), 1u);
  EXPECT_EQ(next_offset(world_.commits[0]), 3);
}

TEST_F(WorkerOnALink, AShardInAHurryDoesNotWaitForTheOthers) {
  constexpr stage::Partition kOther{Topic::events, 1};
  stage::Poll both;
  both.assigned = {kEvents, kOther};
  lay_out(std::move(both));
  stage::Poll calm;
  calm.slices.emplace_back().partition = kOther;
  calm.slices[0].records.push_back({stage::Kind::event, "calm", "1", from_ms(1), 0});
  lay_out(std::move(calm));
  lay_out(records({"hurry"}));
  EpochLimits limits;
  limits.interval = Duration{300};
  limits.hurry_interval = Duration{0};
  auto it = worker(limits);
  const auto from = steady_clock::now();
  ASSERT_EQ(it.run_epoch(Duration{0}), true);
  ASSERT_EQ(world_.commits.size(), 1u);
  ASSERT_EQ(world_.commits[0].positions.size(), 1u);
  EXPECT_EQ(world_.commits[0].positions[0].partition, kEvents);
  // The others' epoch ends when it would have ended anyway, with all that they did.
  ASSERT_EQ(it.run_epoch(Duration{0}), true);
  EXPECT_GE(steady_clock::now() - from, Duration{300});
  ASSERT_EQ(world_.commits.size(), 2u);
  ASSERT_EQ(world_.commits[1].positions.size(), 1u);
  EXPECT_EQ(world_.commits[1].positions[0].partition, kOther);
  EXPECT_EQ(world_.commits[1].positions[0].next_offset, 1);
  EXPECT_EQ(it.run_epoch(Duration{0}), false);
}

TEST_F(WorkerOnALink, AStormOfHurriesEndsEpochsNotMoreOftenThanTheBound) {
  assign();
  constexpr int kStorm = 200;
  for (int i = 0; i < kStorm; ++i) lay_out(records({"hurry"}));
  EpochLimits limits;
  limits.interval = std::chrono::hours{1};
  limits.hurry_interval = Duration{40};
  auto it = worker(limits);
  const auto from = steady_clock::now();
  int epochs = 0;
  while (!world_.polls.empty()) {
    ASSERT_EQ(it.run_epoch(Duration{0}), true);
    ++epochs;
  }
  const auto took = steady_clock::now() - from;
  EXPECT_EQ(next_offset(world_.commits.back()), kStorm);
  // The first may end at once; each further one 40 ms after the one before.
  EXPECT_LE(epochs, 1 + took / Duration{40});
  EXPECT_GE(took, Duration{40} * (epochs - 1));
}

TEST_F(WorkerOnALink, AFailedReadEndsTheEpochCleanlyAndTheLinkIsMadeAnew) {
  assign();
  lay_out(records({"1", "look x"}));
  world_.read_failures.push_back({Fault::world, "sst file", "is torn"});
  auto it = worker(one_poll());
  auto done = it.run_epoch(Duration{0});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().fault, Fault::world);
  EXPECT_THAT(done.error().reason, testing::HasSubstr("is torn"));
  EXPECT_THAT(world_.commits, IsEmpty());
  offset_ = 0;
  assign();
  lay_out(records({"1", "look x"}));
  EXPECT_EQ(it.run_epoch(Duration{0}), true);
  EXPECT_EQ(world_.links, 2);
  EXPECT_EQ(next_offset(world_.commits.at(0)), 2);
}

TEST_F(WorkerOnALink, AFailedPollIsToldAndWhatWasReadBeforeIsReadAgain) {
  assign();
  lay_out(records({"1"}));
  world_.polls.emplace_back(
      [](Duration, const stage::PollLimits&) -> Result<stage::Poll> { return broken_world("log", "cannot be read"); });
  auto it = worker(EpochLimits{});
  auto done = it.run_epoch(Duration{0});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().where, "log");
  EXPECT_THAT(world_.commits, IsEmpty());
}

TEST_F(WorkerOnALink, APartitionThatIsTakenAwayCommitsWhatItDidAndIsForgotten) {
  assign();
  lay_out(records({"1"}));
  stage::Poll revoked;
  revoked.revoked = {kEvents};
  lay_out(revoked);
  EpochLimits limits;
  limits.interval = std::chrono::hours{1};
  auto it = worker(limits);
  ASSERT_EQ(it.run_epoch(Duration{0}), true);
  ASSERT_EQ(world_.commits.size(), 1u);
  EXPECT_EQ(next_offset(world_.commits[0]), 1);
  // It comes back: a new processor, nothing of the old one.
  assign();
  EXPECT_EQ(it.run_epoch(Duration{0}), false);
  EXPECT_EQ(diary_.made, 2);
}

TEST_F(WorkerOnALink, EveryRowStandsOnceInAnEpochSortedWithinItsTable) {
  assign();
  stage::Poll poll = records({"", "", "", ""});
  const char* keys[] = {"b", "a", "c", "a"};
  for (std::size_t i = 0; i < 4; ++i) poll.slices[0].records[i].key = keys[i];
  lay_out(poll);
  auto it = worker(one_poll());
  ASSERT_EQ(it.run_epoch(Duration{0}), true);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const stage::Row& row : world_.commits.at(0).rows) {
    if (row.table == stage::Table::sessions) rows.emplace_back(row.key, row.value.value_or("erased"));
  }
  EXPECT_THAT(rows, ElementsAre(Pair("a", "2"), Pair("b", "1"), Pair("c", "1")));
}

}  // namespace
}  // namespace echoloop

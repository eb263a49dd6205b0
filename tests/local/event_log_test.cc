// The event log when nothing goes wrong.
#include "pipeline/local/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <map>
#include <random>
#include <set>
#include <thread>

#include "tests/local/log_tests.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;

class EventLogTest : public testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "log"; }
  std::unique_ptr<EventLog> open() { return open_log(path(), options_); }

  TemporaryFolder folder_;
  LogOptions options_{.partitions = 4};
};

TEST_F(EventLogTest, OffsetsOfEachPartitionAreDenseFromZero) {
  auto log = open();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(append_text(*log, i % 3, std::to_string(i)));
  EXPECT_EQ(log->end_offset(0), 34);
  EXPECT_EQ(log->end_offset(1), 33);
  EXPECT_EQ(log->end_offset(3), 0);
  EXPECT_EQ(read_all(*log, 0).size(), 34u);
  EXPECT_EQ(read_all(*log, 2).at(5), "17");
  EXPECT_TRUE(read_all(*log, 3).empty());
}

TEST_F(EventLogTest, AReadBeyondTheEndIsEmpty) {
  auto log = open();
  ASSERT_TRUE(append_text(*log, 1, "x"));
  for (std::int64_t offset : {1, 2, 1'000'000}) EXPECT_TRUE(log->read(1, offset, {})->records.empty());
}

TEST_F(EventLogTest, TimesAreRaisedToThoseBeforeAlsoAfterReopening) {
  auto log = open();
  ASSERT_TRUE(append_text(*log, 0, "a", 5000));
  ASSERT_TRUE(append_text(*log, 1, "b", -7));
  log.reset();
  log = open();
  ASSERT_TRUE(append_text(*log, 1, "c", 10));
  ASSERT_TRUE(append_text(*log, 1, "d", 6000));
  std::vector<std::int64_t> times;
  auto slice = log->read(1, 0, {});
  for (const auto& record : slice->records) times.push_back(to_ms(record.at));
  EXPECT_THAT(times, testing::ElementsAre(5000, 5000, 6000));
}

TEST_F(EventLogTest, OneRecordCanBeReadByItsOffset) {
  options_.ring_bytes = 0;
  options_.segment_bytes = 3000;
  auto log = open();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(append_text(*log, i % 4, std::to_string(i)));
  for (int i : {299, 0, 150, 4, 296}) {
    auto one = log->read_one(i % 4, i / 4);
    ASSERT_TRUE(one);
    EXPECT_THAT(values_of(*one), testing::ElementsAre(std::to_string(i)));
  }
  EXPECT_TRUE(log->read_one(0, 75)->records.empty());
}

TEST_F(EventLogTest, AnEmptyAppendIsDoneAtOnce) {
  auto log = open();
  EXPECT_TRUE(log->append({}));
  auto ticket = log->append_async({});
  ASSERT_TRUE(append_text(*log, 0, "x"));
  EXPECT_TRUE(log->wait(*ticket));
  EXPECT_EQ(log->end_offset(0), 1);
}

TEST_F(EventLogTest, LargeRecordsPassAndTooLargeOnesAreRefusedAlone) {
  options_.in_flight_bytes = 1000;
  auto log = open();
  std::string large(3 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); i += 97) large[i] = static_cast<char>(i);
  ASSERT_TRUE(append_text(*log, 2, large));
  const std::string huge(kRecord_bytes_max + 1, 'y');
  auto refused = append_text(*log, 2, huge);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::bad_input);
  log.reset();
  log = open();
  EXPECT_THAT(read_all(*log, 2), testing::ElementsAre(large));
}

TEST_F(EventLogTest, AnotherNumberOfPartitionsIsRefusedAndNoneMeansTheSame) {
  { ASSERT_TRUE(append_text(*open(), 3, "x")); }
  options_.partitions = 5;
  auto refused = EventLog::open(path(), options_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().fault, Fault::configuration);
  EXPECT_THAT(refused.error().reason, testing::HasSubstr("made with 4 partitions and cannot be opened with 5"));
  options_.partitions.reset();
  auto log = open();
  EXPECT_EQ(log->partitions(), 4);
  EXPECT_THAT(read_all(*log, 3), testing::ElementsAre("x"));
}

TEST_F(EventLogTest, LogsHaveIdentitiesOfTheirOwn) {
  TemporaryFolder other;
  const std::string identity = open()->identity();
  EXPECT_EQ(open()->identity(), identity);
  EXPECT_NE(open_log(other.path(), options_)->identity(), identity);
}

TEST_F(EventLogTest, CompressionShrinksWhatCanShrinkAndEveryKindReadsBack) {
  std::mt19937 dice{3};
  std::string noise(5000, '\0');
  for (char& c : noise) c = static_cast<char>(dice());
  const std::string text(100'000, 'e');
  std::map<Compression, std::uint64_t> sizes;
  options_.ring_bytes = 0;  // read what is on the disk
  for (Compression kind : {Compression::none, Compression::lz4, Compression::zstd}) {
    TemporaryFolder folder;
    options_.compression = kind;
    auto log = open_log(folder.path(), options_);
    ASSERT_TRUE(append_text(*log, 0, text));
    ASSERT_TRUE(append_text(*log, 0, noise));
    ASSERT_TRUE(append_text(*log, 0, "small"));
    EXPECT_THAT(read_all(*log, 0), testing::ElementsAre(text, noise, "small"));
    sizes[kind] = log->disk_bytes();
    log.reset();
    options_.compression = Compression::none;  // what is read does not depend on what is written
    EXPECT_THAT(read_all(*open_log(folder.path(), options_), 0), testing::ElementsAre(text, noise, "small"));
  }
  EXPECT_GT(sizes[Compression::none], 105'000u);
  EXPECT_LT(sizes[Compression::lz4], 10'000u);
  EXPECT_LT(sizes[Compression::zstd], 10'000u);
}

// Many small segments, read from memory and from the disk, whole and in bites, before and after reopening, with and
// without index files.
TEST_F(EventLogTest, SegmentsAreOneLogHoweverItIsRead) {
  options_.segment_bytes = 2000;
  std::map<int, std::vector<std::string>> wanted;
  auto check = [&](const EventLog& log) {
    for (int partition = 0; partition < 4; ++partition) {
      for (stage::PollLimits limits :
           {stage::PollLimits{}, {.records_max = 1}, {.records_max = 5}, {.bytes_max = 100}}) {
        EXPECT_EQ(read_all(log, partition, limits), wanted[partition]);
      }
      for (std::size_t i = 0; i < wanted[partition].size(); i += 13) {
        EXPECT_EQ(log.read(partition, static_cast<std::int64_t>(i), {.records_max = 1})->records.at(0).value,
                  wanted[partition][i]);
      }
    }
  };
  std::mt19937 dice{11};
  for (std::size_t ring : {std::size_t{0}, std::size_t{3000}, std::size_t{1} << 20}) {
    options_.ring_bytes = ring;
    auto log = open();
    check(*log);
    for (int i = 0; i < 60; ++i) {
      std::vector<std::string> keys, values;
      std::vector<Append> records;
      for (unsigned n = 1 + dice() % 9; n > 0; --n) {
        const int partition = static_cast<int>(dice() % 4);
        keys.push_back(key_for(partition, 4));
        values.push_back(std::to_string(i) + std::string(dice() % 60, 'v'));
        wanted[partition].push_back(values.back());
      }
      for (std::size_t n = 0; n < keys.size(); ++n)
        records.push_back({stage::Kind::event, keys[n], values[n], from_ms(i)});
      ASSERT_TRUE(log->append(records));
    }
    check(*log);
  }
  EXPECT_TRUE(fs::exists(path() / "000000000010.log"));
  EXPECT_EQ(open()->recovery().indexes_rebuilt, 0);
  check(*open());
  fs::remove(path() / "000000000003.index");
  write_bytes(path() / "000000000004.index", "not an index");
  std::string flipped = file_bytes(path() / "000000000005.index");
  flipped[flipped.size() / 2] ^= 1;
  write_bytes(path() / "000000000005.index", flipped);
  auto log = open();
  EXPECT_EQ(log->recovery().indexes_rebuilt, 3);
  EXPECT_EQ(log->recovery().cut_bytes, 0u);
  check(*log);
  log.reset();
  EXPECT_EQ(open()->recovery().indexes_rebuilt, 0);
}

TEST_F(EventLogTest, TheSparseIndexLeadsThroughALargeSegment) {
  options_.ring_bytes = 0;
  options_.compression = Compression::none;
  auto log = open();
  for (int i = 0; i < 400; ++i) ASSERT_TRUE(append_text(*log, i % 2, std::to_string(i) + std::string(10'000, '.')));
  for (int i = 399; i >= 0; i -= 7)
    EXPECT_EQ(log->read_one(i % 2, i / 2)->records.at(0).value, std::to_string(i) + std::string(10'000, '.'));
}

TEST_F(EventLogTest, WhatGathersWhileAGroupIsOnItsWayBecomesOneGroup) {
  std::latch hold{1};
  options_.on_durable = [&] { hold.wait(); };  // keeps the writer busy with the first group
  auto log = open();
  const std::uint64_t first = *append_text(*log, 0, "first");
  std::vector<EventLog::Ticket> tickets;
  const std::string keys[] = {key_for(0, 4), key_for(1, 4), key_for(2, 4)};
  for (int i = 0; i < 100; ++i) {
    const Append one[] = {{stage::Kind::event, keys[i % 3], "x", from_ms(i)}};
    tickets.push_back(*log->append_async(one));
  }
  EXPECT_EQ(log->end_offset(1), 0) << "not durable, not readable";
  hold.count_down();
  for (const auto& ticket : tickets) EXPECT_EQ(log->wait(ticket), first + 1);
  EXPECT_EQ(log->end_offset(1), 33);
}

TEST_F(EventLogTest, ConcurrentAppendersKeepTheirOrder) {
  constexpr int kThreads = 8, kEach = 200;
  std::atomic<int> told{0};
  options_.on_durable = [&] { ++told; };
  std::set<std::uint64_t> groups;
  {
    auto log = open();
    std::vector<std::thread> threads;
    std::vector<std::set<std::uint64_t>> seen(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::uint64_t last = 0;
        for (int i = 0; i < kEach; ++i) {
          auto done = append_text(*log, t % 4, std::to_string(t) + " " + std::to_string(i), i);
          ASSERT_TRUE(done);
          EXPECT_GT(*done, last) << "the second append begins after the first one's commit";
          last = *done;
          seen[static_cast<std::size_t>(t)].insert(*done);
          EXPECT_GT(log->end_offset(t % 4), i) << "what is acknowledged can be read";
        }
      });
    }
    std::thread reader{[&] {
      for (int round = 0; round < 50; ++round) EXPECT_LE(read_all(*log, round % 4).size(), std::size_t{2 * kEach});
    }};
    for (auto& thread : threads) thread.join();
    reader.join();
    for (const auto& some : seen) groups.insert(some.begin(), some.end());
  }
  EXPECT_EQ(static_cast<std::size_t>(told), groups.size());
  auto log = open();
  for (int partition = 0; partition < 4; ++partition) {
    std::map<std::string, int> next;
    std::vector<std::string> values = read_all(*log, partition);
    EXPECT_EQ(values.size(), std::size_t{2 * kEach});
    for (const std::string& value : values) {
      const auto blank = value.find(' ');
      EXPECT_EQ(std::stoi(value.substr(blank + 1)), next[value.substr(0, blank)]++);
    }
  }
}

TEST_F(EventLogTest, PipelinedAppendsStayBoundedAndInOrder) {
  options_.in_flight_bytes = 20'000;
  options_.segment_bytes = 100'000;
  auto log = open();
  std::vector<EventLog::Ticket> tickets;
  const std::string key = key_for(1, 4);
  for (int i = 0; i < 500; ++i) {
    const std::string value = std::to_string(i) + std::string(1000, ' ');
    const Append one[] = {{stage::Kind::event, key, value, from_ms(i)}};
    auto ticket = log->append_async(one);
    ASSERT_TRUE(ticket);
    tickets.push_back(*ticket);
    // Everything but what may be in flight is durable already.
    EXPECT_GE(log->end_offset(1), i - 20);
  }
  for (const auto& ticket : tickets) ASSERT_TRUE(log->wait(ticket));
  ASSERT_TRUE(log->wait(tickets.front())) << "a ticket may be shown again";
  std::vector<std::string> values = read_all(*log, 1);
  ASSERT_EQ(values.size(), 500u);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(std::stoi(values[static_cast<std::size_t>(i)]), i);
}

TEST_F(EventLogTest, WhatWaitsIsWrittenBeforeTheEnd) {
  {
    auto log = open();
    for (int i = 0; i < 50; ++i) {
      const std::string key = key_for(0, 4), value = std::to_string(i);
      const Append one[] = {{stage::Kind::event, key, value, from_ms(i)}};
      ASSERT_TRUE(log->append_async(one));
    }
  }
  EXPECT_EQ(read_all(*open(), 0).size(), 50u);
}

TEST_F(EventLogTest, SkippedOffsetsAreAGapThatReadersPassOver) {
  options_.segment_bytes = 300;
  options_.ring_bytes = 0;
  {
    auto log = open();
    ASSERT_TRUE(append_text(*log, 1, "before"));
    log->skip_to(1, 10);
    // Segments without a record of the partition lie inside the gap.
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(append_text(*log, 0, std::string(100, 'x')));
    ASSERT_TRUE(append_text(*log, 1, "after"));
    EXPECT_THAT(values_of(*log->read(1, 0, {})), testing::ElementsAre("before", "after"));
  }
  auto log = open();
  auto slice = log->read(1, 5, {});
  ASSERT_EQ(slice->records.size(), 1u);
  EXPECT_EQ(slice->records[0].offset, 10);
}

TEST_F(EventLogTest, WithoutFsyncTheLogSurvivesACleanEnd) {
  options_.sync = Sync::never;
  { ASSERT_TRUE(append_text(*open(), 2, "x")); }
  EXPECT_THAT(read_all(*open(), 2), testing::ElementsAre("x"));
}

}  // namespace
}  // namespace echoloop::local

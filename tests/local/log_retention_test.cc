// Old segments leave the log from its beginning; what stays is read as before, under the same offsets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "pipeline/local/local_link.h"
#include "pipeline/local/log_files.h"
#include "tests/links/tally.h"
#include "tests/local/log_tests.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr int kRecords = 60;
constexpr std::int64_t kAll = 1'000'000;

class LogRetention : public testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "log"; }
  std::unique_ptr<EventLog> open() { return open_log(path(), options_); }
  // Record i at i ms, on both partitions in turn.
  void fill(EventLog& log, int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(append_text(log, i % 2, text(i), i));
  }
  static std::string text(int i) { return fmt::format("record {:05} with some length to it", i); }
  std::vector<std::uint64_t> segments() const {
    std::vector<std::uint64_t> out;
    for (std::uint64_t number = 1; number < 200; ++number) {
      if (fs::exists(segment_path(path(), number))) out.push_back(number);
    }
    return out;
  }
  // What a reader that begins at 0 finds, checked to be whole from there to the end.
  static int check_rest(const EventLog& log, int partition) {
    std::int64_t next = -1, first = -1;
    for (;;) {
      auto slice = log.read(partition, std::max<std::int64_t>(next, 0), {});
      EXPECT_TRUE(slice) << slice.error().text();
      if (!slice || slice->records.empty()) break;
      for (const stage::Record& record : slice->records) {
        if (first < 0) first = next = record.offset;
        EXPECT_EQ(record.offset, next++);
        EXPECT_EQ(record.value, text(static_cast<int>(record.offset) * 2 + partition));
      }
    }
    EXPECT_EQ(next, log.end_offset(partition));
    return static_cast<int>(first);
  }

  TemporaryFolder folder_;
  LogOptions options_{.partitions = 2, .compression = Compression::none, .segment_bytes = 500, .ring_bytes = 1};
};

TEST_F(LogRetention, RemovesWholeSegmentsThatAreOldAndProcessed) {
  auto log = open();
  fill(*log, 0, kRecords);
  const std::size_t before = segments().size();
  const std::uint64_t bytes = log->disk_bytes();
  ASSERT_GT(before, 8u);

  EXPECT_FALSE(log->has_old(from_ms(0), {kAll, kAll}));
  EXPECT_FALSE(log->has_old(from_ms(kAll), {kAll, 0})) << "a partition has processed nothing";
  ASSERT_TRUE(log->remove_old(from_ms(kAll), {kAll, 0}));
  EXPECT_EQ(segments().size(), before);

  ASSERT_TRUE(log->has_old(from_ms(kRecords / 2), {kAll, kAll}));
  ASSERT_TRUE(log->remove_old(from_ms(kRecords / 2), {kAll, kAll}));
  EXPECT_FALSE(log->has_old(from_ms(kRecords / 2), {kAll, kAll}));
  EXPECT_LT(segments().size(), before * 2 / 3);
  EXPECT_GT(segments().size(), before / 3);
  EXPECT_LT(log->disk_bytes(), bytes * 2 / 3);
  for (int partition : {0, 1}) {
    const int first = check_rest(*log, partition);
    EXPECT_GT(first, 5);
    EXPECT_LE(first, kRecords / 4) << "what is not that old stays";
    EXPECT_TRUE(log->read_one(partition, 0)->records.empty());
    EXPECT_EQ(log->read_one(partition, first)->records.size(), 1u);
  }

  // Everything but the segment that is written.
  ASSERT_TRUE(log->remove_old(from_ms(kAll), {kAll, kAll}));
  EXPECT_EQ(segments().size(), 1u);
  fill(*log, kRecords, kRecords + 20);
  for (int partition : {0, 1}) check_rest(*log, partition);
}

TEST_F(LogRetention, AnOpeningGoesOnWhereTheLogBeginsNow) {
  {
    auto log = open();
    fill(*log, 0, kRecords);
    ASSERT_TRUE(log->remove_old(from_ms(kRecords / 2), {kAll, kAll}));
  }
  for (int round = 1; round <= 3; ++round) {
    auto log = open();
    EXPECT_EQ(log->recovery().cut_bytes, 0u);
    EXPECT_EQ(log->last_at(), from_ms(kRecords * round - 1));
    for (int partition : {0, 1}) check_rest(*log, partition);
    fill(*log, kRecords * round, kRecords * (round + 1));
    ASSERT_TRUE(log->remove_old(from_ms(kRecords * round), {kAll, kAll}));
    for (int partition : {0, 1}) check_rest(*log, partition);
  }
}

TEST_F(LogRetention, AnOpeningFinishesWhatWasInterrupted) {
  {
    auto log = open();
    fill(*log, 0, kRecords);
  }
  const fs::path whole = folder_.path() / "whole";
  fs::copy(path(), whole);
  { ASSERT_TRUE(open()->remove_old(from_ms(kRecords / 2), {kAll, kAll})); }
  const std::vector<std::uint64_t> left = segments();
  // Died before any file was removed, after the first, after the last but one.
  for (std::uint64_t gone : {std::uint64_t{0}, std::uint64_t{1}, left.front() - 2}) {
    fs::copy(whole, path(), fs::copy_options::overwrite_existing);
    for (std::uint64_t number = 1; number <= gone; ++number) fs::remove(segment_path(path(), number));
    auto log = open();
    EXPECT_EQ(segments(), left) << gone;
    for (int partition : {0, 1}) check_rest(*log, partition);
  }
}

TEST_F(LogRetention, AHoleBehindTheBeginningIsStillDamage) {
  {
    auto log = open();
    fill(*log, 0, kRecords);
    ASSERT_TRUE(log->remove_old(from_ms(kRecords / 2), {kAll, kAll}));
  }
  const std::uint64_t first = segments().front();
  const std::string bytes = file_bytes(segment_path(path(), first));
  fs::remove(segment_path(path(), first));
  auto log = EventLog::open(path(), options_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().where, segment_path(path(), first).string());
  write_bytes(segment_path(path(), first), bytes);
  open();

  std::string flipped = file_bytes(path() / "log.first");
  flipped[flipped.size() / 2] ^= 1;
  write_bytes(path() / "log.first", flipped);
  log = EventLog::open(path(), options_);
  ASSERT_FALSE(log);
  EXPECT_THAT(log.error().text(), HasSubstr("log.first"));
}

TEST_F(LogRetention, ReadersOfWhatIsRemovedFindWhatComesBehind) {
  auto log = open();
  fill(*log, 0, kRecords);
  std::atomic<bool> over{false};
  std::vector<std::thread> readers;
  for (int partition : {0, 1}) {
    readers.emplace_back([&, partition] {
      while (!over) {
        auto slice = log->read(partition, 0, {.records_max = 3});
        ASSERT_TRUE(slice) << slice.error().text();
        for (const stage::Record& record : slice->records)
          EXPECT_EQ(record.value, text(static_cast<int>(record.offset) * 2 + partition));
      }
    });
  }
  for (int i = kRecords; i < kRecords * 10; ++i) {
    ASSERT_TRUE(append_text(*log, i % 2, text(i), i));
    ASSERT_TRUE(log->remove_old(from_ms(i - kRecords / 2), {kAll, kAll}));
  }
  over = true;
  for (std::thread& reader : readers) reader.join();
  for (int partition : {0, 1}) check_rest(*log, partition);
}

TEST(HouseRetention, CountsEverythingOnceWhileTheLogForgets) {
  TemporaryFolder folder;
  HouseOptions options;
  options.partitions = 2;
  options.store.memory_bytes = 16 << 20;
  options.log.segment_bytes = 1000;
  options.event_retention = Duration{40};
  tally::Counts sent;
  for (int begin = 0; begin < 600; begin += 200) {
    auto house = LocalHouse::open(folder.path() / "data", options);
    ASSERT_TRUE(house) << house.error().text();
    EXPECT_TRUE((*house)->repairs().empty());
    auto link = (*house)->link(0, 1);
    for (int i = begin; i < begin + 200; ++i) {
      const std::string key = fmt::format("k{}", i % 7);
      const Append one[] = {{stage::Kind::event, key, "some text that fills a segment", from_ms(i)}};
      ASSERT_TRUE((*house)->log().append(one));
      ++sent[key];
      ASSERT_TRUE(tally::step(*link, {.records_max = 2}));
    }
    for (std::size_t records = 1; records > 0;) records = tally::step(*link, {}).value();
    EXPECT_LT((*house)->log().disk_bytes(), 12'000u) << "some 100 bytes a record, 40 of them young";
    EXPECT_EQ(tally::counts_of((*house)->store(), stage::Topic::events, 2), sent);
  }
}

TEST(HouseRetention, WhatNobodyProcessedStays) {
  TemporaryFolder folder;
  HouseOptions options;
  options.partitions = 1;
  options.store.memory_bytes = 16 << 20;
  options.log.segment_bytes = 1000;
  options.event_retention = Duration{1};
  auto house = LocalHouse::open(folder.path() / "data", options);
  ASSERT_TRUE(house) << house.error().text();
  auto link = (*house)->link(0, 1);
  for (int i = 0; i < 100; ++i) {
    const Append one[] = {{stage::Kind::event, "k", "some text that fills a segment", from_ms(i * 1000)}};
    ASSERT_TRUE((*house)->log().append(one));
  }
  const std::uint64_t bytes = (*house)->log().disk_bytes();
  for (std::size_t records = 1; records > 0;) {
    const std::int64_t backlog = (*house)->backlog();
    EXPECT_TRUE(backlog == 0 || !(*house)->log().read_one(0, 100 - backlog)->records.empty());
    records = tally::step(*link, {.records_max = 7}).value();
  }
  EXPECT_EQ(tally::counts_of((*house)->store(), stage::Topic::events, 1), (tally::Counts{{"k", 100}}));
  EXPECT_LT((*house)->log().disk_bytes(), bytes / 3);
}

}  // namespace
}  // namespace echoloop::local

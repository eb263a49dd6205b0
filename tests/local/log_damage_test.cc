// The event log when files are torn, flipped, missing, or the disk is full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "pipeline/local/segment.h"
#include "tests/local/file_limit.h"
#include "tests/local/log_tests.h"

namespace echoloop::local {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class LogDamage : public testing::Test {
 protected:
  fs::path path() const { return folder_.path() / "log"; }
  fs::path segment(std::uint64_t number) const { return segment_path(path(), number); }
  std::unique_ptr<EventLog> open() { return open_log(path(), options_); }
  Error refusal() {
    auto log = EventLog::open(path(), options_);
    EXPECT_FALSE(log);
    return log ? Error{} : log.error();
  }
  // One group with a block on each of these partitions.
  void append_group(EventLog& log, const std::vector<std::pair<int, std::string>>& records) {
    std::vector<std::string> keys;
    for (const auto& [partition, value] : records) keys.push_back(key_for(partition, log.partitions()));
    std::vector<Append> list;
    for (std::size_t i = 0; i < records.size(); ++i)
      list.push_back({stage::Kind::event, keys[i], records[i].second, from_ms(1)});
    ASSERT_TRUE(log.append(list));
  }

  TemporaryFolder folder_;
  LogOptions options_{.partitions = 2};
};

TEST_F(LogDamage, ATailTornAtAnyByteIsCutAtTheLastGoodBlock) {
  {
    auto log = open();
    ASSERT_TRUE(append_text(*log, 0, "first"));
    ASSERT_TRUE(append_text(*log, 1, "second"));
  }
  const std::string before = file_bytes(segment(1));
  { ASSERT_TRUE(append_text(*open(), 0, "the last block")); }
  const std::string whole = file_bytes(segment(1));
  for (std::size_t size = before.size(); size < whole.size(); ++size) {
    write_bytes(segment(1), whole.substr(0, size));
    auto log = open();
    EXPECT_EQ(log->recovery().cut_bytes, size - before.size());
    EXPECT_EQ(fs::file_size(segment(1)), before.size());
    EXPECT_THAT(read_all(*log, 0), ElementsAre("first"));
    EXPECT_THAT(read_all(*log, 1), ElementsAre("second"));
    // Life goes on where the good part ends.
    ASSERT_TRUE(append_text(*log, 0, "again"));
    log.reset();
    log = open();
    EXPECT_EQ(log->recovery().cut_bytes, 0u);
    EXPECT_THAT(read_all(*log, 0), ElementsAre("first", "again"));
  }
}

TEST_F(LogDamage, ABitFlippedAnywhereInTheLastBlockCutsIt) {
  { ASSERT_TRUE(append_text(*open(), 0, "first")); }
  const std::size_t good = fs::file_size(segment(1));
  { ASSERT_TRUE(append_text(*open(), 0, "last")); }
  const std::string whole = file_bytes(segment(1));
  for (std::size_t bit = good * 8; bit < whole.size() * 8; ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(segment(1), flipped);
    auto log = open();
    ASSERT_TRUE(log) << "bit " << bit;
    EXPECT_EQ(log->recovery().cut_bytes, whole.size() - good) << "bit " << bit;
    EXPECT_THAT(read_all(*log, 0), ElementsAre("first"));
  }
}

TEST_F(LogDamage, ABitFlippedInAnythingAcknowledgedEarlierIsAnError) {
  { ASSERT_TRUE(append_text(*open(), 0, "first")); }
  const std::size_t end = fs::file_size(segment(1));
  { ASSERT_TRUE(append_text(*open(), 1, "second")); }
  const std::string whole = file_bytes(segment(1));
  for (std::size_t byte = kSegment_header_bytes; byte < end; ++byte) {
    std::string flipped = whole;
    flipped[byte] ^= 0x10;
    write_bytes(segment(1), flipped);
    const Error error = refusal();
    EXPECT_EQ(error.fault, Fault::world);
    EXPECT_EQ(error.where, segment(1).string() + ":32") << byte;
    EXPECT_THAT(error.reason, HasSubstr("the event log is damaged"));
    EXPECT_EQ(file_bytes(segment(1)), flipped) << "evidence stays as it is";
  }
  for (std::size_t byte = 0; byte < kSegment_header_bytes; ++byte) {
    std::string flipped = whole;
    flipped[byte] ^= 0x10;
    write_bytes(segment(1), flipped);
    EXPECT_EQ(refusal().where, segment(1).string() + ":0") << byte;
  }
}

// The pages of one unacknowledged write reach the disk in any order: a hole with sound blocks of the same group behind
// it is a torn tail.
TEST_F(LogDamage, AHoleInsideTheLastGroupIsATornTail) {
  { append_group(*open(), {{0, "old"}}); }
  const std::size_t before = fs::file_size(segment(1));
  { append_group(*open(), {{0, "zero"}, {1, "one"}}); }
  std::string torn = file_bytes(segment(1));
  std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(before), 20, '\0');
  write_bytes(segment(1), torn);
  auto log = open();
  EXPECT_EQ(log->recovery().cut_bytes, torn.size() - before);
  EXPECT_THAT(read_all(*log, 0), ElementsAre("old"));
  EXPECT_TRUE(read_all(*log, 1).empty());
}

TEST_F(LogDamage, AHoleInAnEarlierGroupOfSeveralBlocksIsAnError) {
  { append_group(*open(), {{0, "zero"}, {1, "one"}}); }
  const std::size_t end = fs::file_size(segment(1));
  { append_group(*open(), {{0, "later"}}); }
  std::string torn = file_bytes(segment(1));
  torn[end - 1] ^= 1;  // the second block of the first group
  write_bytes(segment(1), torn);
  EXPECT_THAT(refusal().reason, HasSubstr("later ones were acknowledged"));
}

// Cutting inside a group leaves "blocks left" open; what follows must still be told apart rightly.
TEST_F(LogDamage, AGroupCutInHalfEndsItsSegment) {
  { append_group(*open(), {{0, "zero"}, {1, "one"}}); }
  std::string torn = file_bytes(segment(1));
  torn.pop_back();
  write_bytes(segment(1), torn);
  {
    auto log = open();
    EXPECT_THAT(read_all(*log, 0), ElementsAre("zero"));
    EXPECT_TRUE(fs::exists(segment(2)));
    append_group(*log, {{0, "two"}, {1, "three"}});
  }
  std::string second = file_bytes(segment(2));
  second[kSegment_header_bytes + 5] ^= 1;
  write_bytes(segment(2), second);
  auto log = open();
  EXPECT_EQ(log->recovery().cut_bytes, second.size() - kSegment_header_bytes);
  EXPECT_THAT(read_all(*log, 0), ElementsAre("zero"));
}

TEST_F(LogDamage, ASealedSegmentIsNeverCut) {
  options_.segment_bytes = 100;
  options_.ring_bytes = 0;
  {
    auto log = open();
    for (int i = 0; i < 6; ++i) ASSERT_TRUE(append_text(*log, 0, "record " + std::to_string(i)));
  }
  const std::string whole = file_bytes(segment(1));
  std::string flipped = whole;
  flipped.back() ^= 1;
  write_bytes(segment(1), flipped);
  {
    // With its index the damage shows when it is read: file and position, and nothing else is lost.
    auto log = open();
    auto slice = log->read(0, 0, {});
    ASSERT_FALSE(slice);
    EXPECT_THAT(slice.error().where, HasSubstr(segment(1).string() + ":"));
    EXPECT_EQ(log->read_one(0, 5)->records.at(0).value, "record 5");
  }
  fs::remove(index_path(path(), 1));
  EXPECT_THAT(refusal().where, HasSubstr(segment(1).string() + ":"));
  write_bytes(segment(1), whole.substr(0, whole.size() - 1));
  EXPECT_THAT(refusal().reason, HasSubstr("the segment was complete"));
  write_bytes(segment(1), whole);
  EXPECT_EQ(read_all(*open(), 0).size(), 6u);
  fs::remove(segment(2));
  EXPECT_THAT(refusal().reason, HasSubstr("this segment is missing"));
}

TEST_F(LogDamage, ASegmentThatACrashLeftUnbornIsMadeAgain) {
  options_.segment_bytes = 100;
  {
    auto log = open();
    ASSERT_TRUE(append_text(*log, 0, std::string(200, 'a')));
    ASSERT_TRUE(append_text(*log, 0, "b"));
  }
  const std::string head = file_bytes(segment(2)).substr(0, kSegment_header_bytes);
  for (std::size_t size = 0; size < head.size(); ++size) {
    write_bytes(segment(2), head.substr(0, size));
    auto log = open();
    ASSERT_TRUE(log);
    EXPECT_EQ(read_all(*log, 0).size(), 1u);
    EXPECT_EQ(file_bytes(segment(2)), head);
  }
}

// Every check is in order, and the records are not.
TEST_F(LogDamage, AMalformedBlockIsNamedByFileAndPosition) {
  { ASSERT_TRUE(append_text(*open(), 0, "first")); }
  const std::string before = file_bytes(segment(1));
  const auto with = [&](std::string_view raw, std::int64_t first_at) {
    BlockHeader header{.first_offset = 1, .group = 2, .records = 1, .first_at = first_at, .last_at = first_at};
    compress(raw, Compression::none, header);
    write_bytes(segment(1), before + encode_header(header) + std::string{raw});
    return open()->read(0, 1, {});
  };
  std::string late{"\1\1\0\0", 4};  // an event a millisecond later, with empty key and value
  EXPECT_TRUE(with(late, 1));
  for (const auto& slice :
       {with(late.substr(0, 3), 1), with(late + "x", 1), with(late, std::numeric_limits<std::int64_t>::max())}) {
    ASSERT_FALSE(slice);
    EXPECT_EQ(slice.error().where, segment(1).string() + ":" + std::to_string(before.size()));
    EXPECT_THAT(slice.error().reason, HasSubstr("malformed"));
  }
}

TEST_F(LogDamage, ABlockBeyondAllOffsetsIsNotSound) {
  BlockHeader header{.first_offset = std::numeric_limits<std::int64_t>::max(), .records = 1};
  EXPECT_FALSE(decode_header(encode_header(header)));
  --header.first_offset;
  EXPECT_TRUE(decode_header(encode_header(header)));
}

TEST_F(LogDamage, AMissingOrStrangeDescriptionIsAnError) {
  { ASSERT_TRUE(append_text(*open(), 0, "x")); }
  const std::string good = file_bytes(path() / "log.meta");
  write_bytes(path() / "log.meta", "echoloop event log 9\npartitions 2\nidentity x\n");
  EXPECT_THAT(refusal().reason, HasSubstr("format 9, this echoloop knows formats up to 1: use a newer echoloop"));
  write_bytes(path() / "log.meta", "echoloop event log one\npartitions 2\nidentity x\n");
  EXPECT_THAT(refusal().reason, HasSubstr("does not describe an event log that this echoloop knows"));
  fs::remove(path() / "log.meta");
  EXPECT_THAT(refusal().reason, HasSubstr("this file is missing"));
  write_bytes(path() / "log.meta", good);
  EXPECT_EQ(read_all(*open(), 0).size(), 1u);
}

TEST_F(LogDamage, WithoutFsyncALostTailIsCutWhateverLiesBehindIt) {
  options_.sync = Sync::never;
  {
    auto log = open();
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(append_text(*log, 0, std::to_string(i)));
  }
  std::string torn = file_bytes(segment(1));
  torn[kSegment_header_bytes + kHeader_bytes + 12] ^= 1;  // somewhere in the second block
  torn[kSegment_header_bytes + 2 * kHeader_bytes] ^= 1;
  write_bytes(segment(1), torn);
  auto log = open();
  EXPECT_GT(log->recovery().cut_bytes, 0u);
  EXPECT_LT(read_all(*log, 0).size(), 3u);
  ASSERT_TRUE(append_text(*log, 0, "on"));
  EXPECT_EQ(read_all(*log, 0).back(), "on");
}

TEST_F(LogDamage, AFullDiskRefusesAndLaterThereIsRoomAgain) {
  auto log = open();
  ASSERT_TRUE(append_text(*log, 0, "before"));
  const std::uint64_t size = fs::file_size(segment(1));
  {
    FileSizeLimit limit{size + 100};
    std::string noise;
    for (int i = 0; i < 400; ++i) noise.push_back(static_cast<char>(i * i * 31 / 7));
    for (int i = 0; i < 3; ++i) {
      auto refused = append_text(*log, i % 2, noise);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().fault, Fault::world);
      EXPECT_EQ(fs::file_size(segment(1)), size) << "no part of it stays";
    }
    EXPECT_THAT(read_all(*log, 0), ElementsAre("before"));
    ASSERT_TRUE(append_text(*log, 1, "small enough"));
  }
  ASSERT_TRUE(append_text(*log, 0, "after"));
  log.reset();
  log = open();
  EXPECT_EQ(log->recovery().cut_bytes, 0u);
  EXPECT_THAT(read_all(*log, 0), ElementsAre("before", "after"));
  EXPECT_THAT(read_all(*log, 1), ElementsAre("small enough"));
}

TEST_F(LogDamage, AFullDiskWhileASegmentBeginsLosesNothing) {
  options_.segment_bytes = 100;
  auto log = open();
  ASSERT_TRUE(append_text(*log, 0, std::string(100, 'a')));
  {
    FileSizeLimit limit{10};
    EXPECT_FALSE(append_text(*log, 0, "b"));
    EXPECT_FALSE(append_text(*log, 0, "c"));
  }
  ASSERT_TRUE(append_text(*log, 0, "d"));
  log.reset();
  EXPECT_THAT(read_all(*open(), 0), ElementsAre(std::string(100, 'a'), "d"));
}

TEST_F(LogDamage, EveryAppenderOfAFailedGroupIsTold) {
  auto log = open();
  ASSERT_TRUE(append_text(*log, 0, "x"));
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  {
    FileSizeLimit limit{fs::file_size(segment(1))};
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] { refused += append_text(*log, i % 2, "y") ? 0 : 1; });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(refused, 8);
  EXPECT_EQ(log->end_offset(0), 1);
  EXPECT_EQ(log->end_offset(1), 0);
}

}  // namespace
}  // namespace echoloop::local

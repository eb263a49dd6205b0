#include "pipeline/aggregates/delta.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/row.h"
#include "pipeline/base/time.h"

namespace echoloop::aggregates {
namespace {

using Views = std::vector<std::string_view>;
using Packed = std::vector<std::pair<std::string, std::string>>;

// What one event adds.
struct Addition {
  CubeKey key;
  Counter counter{};
  std::uint64_t handle_ms = 0;
  ScorePoint score;
  std::int64_t sign = 1;
  std::string session;  // empty: no evidence
};

Views values_of(const Addition& a) { return {a.key.values.begin(), a.key.values.end()}; }

std::string evidence_of(const Addition& a) {
  return evidence_key(a.key.tenant, "late", values_of(a), a.key.bucket_ms, a.session);
}

// A session becomes evidence once and may cease to be later: its changes add up to −1, 0 or 1.
std::vector<Addition> random_additions(std::mt19937_64& random, int count) {
  std::vector<Addition> out;
  std::map<std::string, std::int64_t> stands;
  for (int i = 0; i < count; ++i) {
    Addition a;
    a.key.tenant = random() % 2 == 0 ? std::string("acme") : std::string("acme\0\1two", 9);
    if (random() % 2 == 0) {
      a.key.set = "channel";
      a.key.values = {"web" + std::to_string(random() % 5)};
    }
    a.key.bucket_ms = static_cast<std::int64_t>(random() % 4) * kHour_ms;
    a.counter = static_cast<Counter>(random() % kCounters);
    a.handle_ms = random() % 100'000;
    a.score = {ScoreKind::csat, 1000, 5000, 1000 * (1 + static_cast<std::int64_t>(random() % 5))};
    a.sign = random() % 3 == 0 ? -1 : 1;
    if (random() % 4 == 0) {
      a.session = "s" + std::to_string(random() % 20);
      std::int64_t& now = stands[evidence_of(a)];
      if (now == a.sign) a.sign = -a.sign;
      now += a.sign;
    }
    out.push_back(a);
  }
  return out;
}

void add_to(Measures& cell, const Addition& a) {
  cell.add(a.counter, a.sign);
  cell.add_time(Timing::handle, bin_of(a.handle_ms), a.sign);
  cell.add_score(a.score, a.sign);
}

void add(DeltaPacker& packer, const CubeKey& key, const Measures& measures, int sign = 1) {
  std::vector<std::uint32_t> numbers;
  for (std::string_view value : key.values) numbers.push_back(packer.intern(value));
  packer.add(packer.sheet(packer.intern(key.tenant), key.bucket_ms), packer.set_number(key.set), numbers,
             packer.gain(measures), sign);
}

void add_evidence(DeltaPacker& packer, std::string_view tenant, std::string_view set, std::string_view window,
                  std::string_view session, int by) {
  packer.evidence(packer.window(tenant, packer.set_number(set), window), session, by);
}

Measures of(Counter counter, std::int64_t n) {
  Measures out;
  out.add(counter, n);
  return out;
}

void add(DeltaPacker& packer, const Addition& a) {
  Addition one = a;
  one.sign = 1;
  Measures gained;
  add_to(gained, one);
  add(packer, a.key, gained, static_cast<int>(a.sign));
  if (a.session.empty()) return;
  add_evidence(packer, a.key.tenant, a.key.set, evidence_from(a.key.tenant, "late", values_of(a), a.key.bucket_ms),
               a.session, static_cast<int>(a.sign));
}

Packed flush(DeltaPacker& packer) {
  Packed out;
  packer.flush([&](std::string key, std::string value) { out.emplace_back(std::move(key), std::move(value)); });
  return out;
}

// All that records hold, as plain maps.
struct Contents {
  std::map<std::string, Measures> cells;                                 // by cube key
  std::map<std::pair<std::string, std::string>, std::int64_t> evidence;  // by partition and evidence key
  friend bool operator==(const Contents&, const Contents&) = default;
};

Contents contents_of(const Packed& records) {
  Contents out;
  for (const auto& record : records) {
    const auto add_cell = [&](std::string_view cell, std::string_view row) {
      Measures sum;
      EXPECT_TRUE(sum.parse(row));
      EXPECT_FALSE(sum.empty());
      out.cells[record.first + std::string(cell)].merge(sum);
    };
    const auto add_evidence = [&](std::string_view key, bool present) {
      out.evidence[{record.first, std::string(key)}] += present ? 1 : -1;
    };
    EXPECT_TRUE(unpack(record.second, {add_cell, add_evidence}));
  }
  return out;
}

Contents contents_of(const std::vector<Addition>& additions) {
  Contents out;
  for (const Addition& a : additions) {
    add_to(out.cells[cube_key(a.key.tenant, a.key.set, a.key.bucket_ms, values_of(a))], a);
    if (!a.session.empty()) out.evidence[{cube_partition_key(a.key.tenant, a.key.set), evidence_of(a)}] += a.sign;
  }
  std::erase_if(out.cells, [](const auto& entry) { return entry.second.empty(); });
  std::erase_if(out.evidence, [](const auto& entry) { return entry.second == 0; });
  return out;
}

TEST(DeltaPacker, WhatIsPackedComesBackSummed) {
  std::mt19937_64 random{1};
  for (int round = 0; round < 30; ++round) {
    auto additions = random_additions(random, 1 + static_cast<int>(random() % 300));
    DeltaPacker packer;
    for (const Addition& a : additions) add(packer, a);
    Packed records = flush(packer);
    ASSERT_EQ(contents_of(records), contents_of(additions));
    ASSERT_LE(records.size(), 4u);  // one per (tenant, set)
    ASSERT_TRUE(flush(packer).empty());
  }
}

TEST(DeltaPacker, TheOrderOfAdditionsLeavesNoTraceInTheBytes) {
  std::mt19937_64 random{2};
  for (int round = 0; round < 20; ++round) {
    auto additions = random_additions(random, 200);
    DeltaPacker one{4096}, two{4096};
    for (const Addition& a : additions) add(one, a);
    std::shuffle(additions.begin(), additions.end(), random);
    for (const Addition& a : additions) add(two, a);
    ASSERT_EQ(flush(one), flush(two));
  }
}

TEST(DeltaPacker, RecordsStayWithinTheirBoundAndLoseNothing) {
  std::mt19937_64 random{3};
  auto additions = random_additions(random, 2000);
  DeltaPacker whole, chunked{600};
  for (const Addition& a : additions) {
    add(whole, a);
    add(chunked, a);
  }
  Packed large = flush(whole), small = flush(chunked);
  EXPECT_GT(small.size(), large.size());
  for (const auto& [key, value] : small) EXPECT_LE(value.size(), 600u);
  EXPECT_EQ(contents_of(small), contents_of(large));
  EXPECT_TRUE(
      std::is_sorted(small.begin(), small.end(), [](const auto& a, const auto& b) { return a.first < b.first; }));
}

TEST(DeltaPacker, ACellLargerThanARecordTravelsInParts) {
  DeltaPacker packer;
  Measures wanted;
  wanted.add(Counter::evaluations, 50'000);
  for (std::int64_t i = 0; i < 30'000; ++i) wanted.add_score({ScoreKind::ces, 0, 1'000'000'000, i * 977}, 1);
  for (std::uint32_t bin = 0; bin < 3700; ++bin) wanted.add_time(Timing::queue, bin, bin + 1);
  ASSERT_GT(wanted.bytes().size(), kDeltaRecord_bytes_max);
  add(packer, {"acme", "", 0, {}}, wanted);
  Packed records = flush(packer);
  EXPECT_GT(records.size(), 1u);
  for (const auto& [key, value] : records) EXPECT_LE(value.size(), kDeltaRecord_bytes_max);
  Contents contents = contents_of(records);
  ASSERT_EQ(contents.cells.size(), 1u);
  EXPECT_EQ(contents.cells.begin()->second, wanted);
}

TEST(DeltaPacker, LargeCountsAndLargeCellsLoseNothing) {
  std::mt19937_64 random{5};
  DeltaPacker packer;
  Measures wanted;
  for (int i = 0; i < 5000; ++i) {
    Measures gained;
    gained.add(Counter::handle_ms, static_cast<std::int64_t>(random()));
    gained.add_time(Timing::handle, bin_of(random() % 1'000'000),
                    static_cast<std::int64_t>(random() % 200'000) - 100'000);
    gained.add_score({ScoreKind::nps, 0, 10'000, 1000 * static_cast<std::int64_t>(random() % 11)}, 40'000);
    const int sign = random() % 3 == 0 ? -1 : 1;
    add(packer, {"acme", "channel", 0, {"web"}}, gained, sign);
    wanted.merge(gained, sign);
  }
  const Contents contents = contents_of(flush(packer));
  ASSERT_EQ(contents.cells.size(), 1u);
  EXPECT_EQ(contents.cells.begin()->second, wanted);
}

TEST(DeltaPacker, SetsOfManyDimensionsKeepTheirCellsApart) {
  DeltaPacker packer;
  for (int i = 0; i < 81; ++i) {
    const auto digit = [&](int place) { return fmt::format("v{}", i / place % 3); };
    add(packer, {"acme", "a×b×c×d", 0, {digit(27), digit(9), digit(3), digit(1)}}, of(Counter::answered, i + 1));
  }
  const Contents contents = contents_of(flush(packer));
  ASSERT_EQ(contents.cells.size(), 81u);
  std::int64_t n = 0;
  for (const auto& [key, sum] : contents.cells) EXPECT_EQ(sum.get(Counter::answered), ++n);
}

TEST(DeltaPacker, WhatCancelsOutIsNotSent) {
  DeltaPacker packer;
  add(packer, {"acme", "channel", 0, {"web"}}, of(Counter::answered, 1));
  add(packer, {"acme", "channel", 0, {"web"}}, of(Counter::answered, 1), -1);
  const std::string window = evidence_from("acme", "late", {"web"}, 0);
  add_evidence(packer, "acme", "channel", window, "s1", 1);
  add_evidence(packer, "acme", "channel", window, "s1", -1);
  EXPECT_TRUE(flush(packer).empty());
}

TEST(DeltaPacker, FarTooManyTextsAreForgottenAfterAFlushAndNothingElse) {
  DeltaPacker packer;
  EXPECT_FALSE(packer.full());
  for (int i = 0; i < 150'000; ++i)
    add(packer, {"acme", "agent", 0, {fmt::format("a{}", i)}}, of(Counter::answered, i + 1));
  EXPECT_TRUE(packer.full());
  Contents contents = contents_of(flush(packer));
  EXPECT_EQ(contents.cells.size(), 150'000u);
  EXPECT_FALSE(packer.full());
  add(packer, {"acme", "agent", 0, {"a7"}}, of(Counter::answered, 3));
  contents = contents_of(flush(packer));
  ASSERT_EQ(contents.cells.size(), 1u);
  EXPECT_EQ(contents.cells.begin()->second.get(Counter::answered), 3);
}

TEST(DeltaPacker, TheSameEvidenceOfTwoSetsTravelsWithEach) {
  DeltaPacker packer;
  const std::string key = evidence_key("acme", "late", {"a"}, 0, "s1");
  const std::string window = evidence_from("acme", "late", {"a"}, 0);
  add_evidence(packer, "acme", "channel", window, "s1", 1);
  add_evidence(packer, "acme", "tag", window, "s1", -1);
  Contents contents = contents_of(flush(packer));
  EXPECT_EQ(contents.evidence.size(), 2u);
  EXPECT_EQ((contents.evidence[{cube_partition_key("acme", "channel"), key}]), 1);
  EXPECT_EQ((contents.evidence[{cube_partition_key("acme", "tag"), key}]), -1);
}

TEST(UnpackDelta, DamagedRecordsAreRefusedOrReadButNeverCrash) {
  std::mt19937_64 random{4};
  DeltaPacker packer;
  for (const Addition& a : random_additions(random, 60)) add(packer, a);
  const Packed records = flush(packer);
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string value = records[random() % records.size()].second;
    if (random() % 2 == 0) {
      value.resize(random() % value.size());
    } else {
      value[random() % value.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    const auto merge = [&](std::string_view, std::string_view row) {
      std::string sum;
      refused += !merge_rows(row, row, sum);
    };
    refused += !unpack(value, {merge, [](std::string_view, bool) {}});
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace echoloop::aggregates

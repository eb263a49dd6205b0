#include "pipeline/aggregates/delta.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "pipeline/aggregates/cube.h"
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

Measures& cell_of(DeltaPacker& packer, std::string_view tenant, std::string_view set, std::int64_t bucket_ms,
                  const std::vector<std::string_view>& values) {
  std::vector<std::uint32_t> numbers;
  for (std::string_view value : values) numbers.push_back(packer.intern(value));
  return packer.cell(packer.intern(tenant), packer.intern(set), bucket_ms, numbers);
}

void add(DeltaPacker& packer, const Addition& a) {
  add_to(cell_of(packer, a.key.tenant, a.key.set, a.key.bucket_ms, values_of(a)), a);
  if (!a.session.empty()) packer.evidence(a.key.tenant, a.key.set, evidence_of(a), a.sign);
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
    EXPECT_TRUE(unpack(record.second, {.cell =
                                           [&](std::string_view key, const Measures& sum) {
                                             EXPECT_EQ(key.substr(0, record.first.size()), record.first);
                                             EXPECT_FALSE(sum.empty());
                                             out.cells[std::string(key)].merge(sum);
                                           },
                                       .evidence =
                                           [&](std::string_view key, bool present) {
                                             out.evidence[{record.first, std::string(key)}] += present ? 1 : -1;
                                           }}));
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
  Measures& cell = cell_of(packer, "acme", "", 0, {});
  cell.add(Counter::evaluations, 50'000);
  for (std::int64_t i = 0; i < 50'000; ++i) cell.add_score({ScoreKind::ces, 0, 1'000'000'000, i * 977}, 1);
  for (std::uint32_t bin = 0; bin < 3700; ++bin) cell.add_time(Timing::queue, bin, bin + 1);
  const Measures wanted = cell;
  ASSERT_GT(wanted.bytes().size(), 2 * kDeltaRecord_bytes_max);
  Packed records = flush(packer);
  for (const auto& [key, value] : records) EXPECT_LE(value.size(), kDeltaRecord_bytes_max);
  Contents contents = contents_of(records);
  ASSERT_EQ(contents.cells.size(), 1u);
  EXPECT_EQ(contents.cells.begin()->second, wanted);
}

TEST(DeltaPacker, WhatCancelsOutIsNotSent) {
  DeltaPacker packer;
  cell_of(packer, "acme", "channel", 0, {"web"}).add(Counter::answered, 1);
  cell_of(packer, "acme", "channel", 0, {"web"}).add(Counter::answered, -1);
  packer.evidence("acme", "channel", evidence_key("acme", "late", {"web"}, 0, "s1"), 1);
  packer.evidence("acme", "channel", evidence_key("acme", "late", {"web"}, 0, "s1"), -1);
  EXPECT_TRUE(flush(packer).empty());
}

TEST(DeltaPacker, ReferencesToCellsStayValidWhileOthersAreMade) {
  DeltaPacker packer;
  Measures& first = cell_of(packer, "acme", "", 0, {});
  for (int i = 1; i < 5000; ++i) cell_of(packer, "acme", "", i * kHour_ms, {}).add(Counter::answered, 1);
  first.add(Counter::answered, 7);
  EXPECT_EQ(cell_of(packer, "acme", "", 0, {}).get(Counter::answered), 7);
  EXPECT_EQ(contents_of(flush(packer)).cells.size(), 5000u);
}

TEST(DeltaPacker, FarTooManyTextsAreForgottenAfterAFlushAndNothingElse) {
  DeltaPacker packer;
  const std::uint64_t before = packer.generation();
  for (int i = 0; i < 150'000; ++i)
    cell_of(packer, "acme", "agent", 0, {fmt::format("a{}", i)}).add(Counter::answered, i + 1);
  EXPECT_EQ(packer.generation(), before);
  Contents contents = contents_of(flush(packer));
  EXPECT_EQ(contents.cells.size(), 150'000u);
  EXPECT_NE(packer.generation(), before);
  cell_of(packer, "acme", "agent", 0, {"a7"}).add(Counter::answered, 3);
  contents = contents_of(flush(packer));
  ASSERT_EQ(contents.cells.size(), 1u);
  EXPECT_EQ(contents.cells.begin()->second.get(Counter::answered), 3);
}

TEST(DeltaPacker, TheSameEvidenceOfTwoSetsTravelsWithEach) {
  DeltaPacker packer;
  const std::string key = evidence_key("acme", "late", {"a"}, 0, "s1");
  packer.evidence("acme", "channel", key, 1);
  packer.evidence("acme", "tag", key, -1);
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
    refused += !unpack(value, {});
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace echoloop::aggregates

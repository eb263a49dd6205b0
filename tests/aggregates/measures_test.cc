#include "pipeline/aggregates/measures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "pipeline/base/bytes.h"

namespace echoloop::aggregates {
namespace {

// A cell as a session or a few leave it: all kinds of measures, also negative ones.
Measures random_cell(std::mt19937_64& random, int entries) {
  Measures out;
  for (int i = 0; i < entries; ++i) {
    auto n = static_cast<std::int64_t>(random() % 7) - 3;
    switch (random() % 3) {
      case 0:
        out.add(static_cast<Counter>(random() % kCounters), n * static_cast<std::int64_t>(random() % 100'000));
        break;
      case 1:
        out.add_time(static_cast<Timing>(random() % 3), bin_of(random() >> (random() % 64)), n);
        break;
      default:
        out.add_score({static_cast<ScoreKind>(random() % 3), static_cast<std::int64_t>(random() % 3) * -1000, 5000,
                       static_cast<std::int64_t>(random() % 6) * 1000},
                      n);
    }
  }
  return out;
}

TEST(Bins, AreExactBelow64AndFollowTheFormulaOfTheDocument) {
  for (std::uint64_t v = 0; v < 64; ++v) EXPECT_EQ(bin_of(v), v);
  std::mt19937_64 random{7};
  for (int i = 0; i < 100'000; ++i) {
    std::uint64_t v = random() >> (random() % 64);
    if (v < 64) continue;
    int s = 0;
    while ((v >> s) >= 128) ++s;  // ⌊log2 v⌋ − 6
    ASSERT_EQ(bin_of(v), 64u * (static_cast<unsigned>(s) + 1) + (v >> s) - 64) << v;
  }
}

TEST(Bins, HoldTheirBoundsAndTouchWithoutGaps) {
  for (std::uint32_t bin = 0; bin < bin_of(~0ULL); ++bin) {
    ASSERT_EQ(bin_of(bin_low(bin)), bin);
    ASSERT_EQ(bin_of(bin_high(bin) - 1), bin);
    ASSERT_EQ(bin_of(bin_high(bin)), bin + 1);
    if (bin >= 64) {
      ASSERT_LE((bin_high(bin) - bin_low(bin)) * 64, bin_low(bin));
    }
  }
}

TEST(Measures, AnEmptyCellHasNoBytesAndAnEmptyObject) {
  Measures cell;
  EXPECT_TRUE(cell.empty());
  EXPECT_EQ(cell.bytes(), "");
  EXPECT_EQ(cell.json(), "{}");
  Measures parsed = cell;
  parsed.add(Counter::answered, 3);
  EXPECT_TRUE(parsed.parse(""));
  EXPECT_TRUE(parsed.empty());
}

TEST(Measures, JsonIsTheLineOfTheDocument) {
  Measures cell;
  cell.add(Counter::answered, 1);
  cell.add(Counter::csat_n, 1);
  cell.add_time(Timing::handle, 411, 1);
  cell.add_score({ScoreKind::csat, 1000, 5000, 4000}, 1);
  EXPECT_EQ(cell.json(), R"({"answered":1,"bins":{"handle":{"411":1}},"csat_n":1,"scores":{"csat:1000:5000:4000":1}})");
}

TEST(Measures, JsonKeysAreSortedByBytesAtEveryLevel) {
  Measures cell;
  for (std::size_t id = 0; id < kCounters; ++id) cell.add(static_cast<Counter>(id), static_cast<std::int64_t>(id) + 1);
  for (std::uint32_t bin : {9u, 10u, 100u, 64u}) cell.add_time(Timing::queue, bin, -2);
  cell.add_time(Timing::first_reply, 3, 1);
  cell.add_time(Timing::handle, 3, 1);
  cell.add_score({ScoreKind::nps, 0, 10'000, 9000}, 1);
  cell.add_score({ScoreKind::nps, 0, 10'000, 10'000}, 4);
  cell.add_score({ScoreKind::ces, -3000, 3000, -1000}, 1);
  cell.add_score({ScoreKind::csat, 1000, 5000, 2000}, 1);
  const std::string text = cell.json();
  // nlohmann's default object is a std::map: it writes its keys sorted by bytes and without spaces.
  auto parsed = nlohmann::json::parse(text);
  EXPECT_EQ(parsed.dump(), text);
  EXPECT_EQ(parsed.size(), kCounters + 2);
  EXPECT_EQ(parsed["bins"].dump(),
            R"({"first_reply":{"3":1},"handle":{"3":1},"queue":{"10":-2,"100":-2,"64":-2,"9":-2}})");
  EXPECT_EQ(parsed["scores"].dump(),
            R"({"ces:-3000:3000:-1000":1,"csat:1000:5000:2000":1,"nps:0:10000:10000":4,"nps:0:10000:9000":1})");
  for (std::size_t id = 0; id < kCounters; ++id) {
    EXPECT_EQ(parsed[std::string(name_of(static_cast<Counter>(id)))], id + 1);
  }
}

TEST(Measures, WhatBecomesZeroLeavesNoTrace) {
  Measures cell;
  cell.add(Counter::invited, 2);
  cell.add_time(Timing::queue, 70, 1);
  cell.add_score({ScoreKind::ces, 1000, 7000, 5000}, 2);
  cell.add(Counter::invited, -2);
  cell.add_time(Timing::queue, 70, -1);
  cell.add_score({ScoreKind::ces, 1000, 7000, 5000}, -2);
  EXPECT_TRUE(cell.empty());
  EXPECT_EQ(cell.bytes(), "");
  EXPECT_EQ(cell.json(), "{}");
  EXPECT_EQ(cell, Measures{});
}

TEST(Measures, SumsAreTheSameInAnyOrderAndGrouping) {
  std::mt19937_64 random{11};
  for (int round = 0; round < 50; ++round) {
    std::vector<Measures> cells;
    for (int i = 0; i < 40; ++i) cells.push_back(random_cell(random, static_cast<int>(random() % 30)));
    Measures one;
    for (const Measures& cell : cells) one.merge(cell);
    std::shuffle(cells.begin(), cells.end(), random);
    Measures left, right;
    for (std::size_t i = 0; i < cells.size(); ++i) (i % 3 == 0 ? left : right).merge(cells[i]);
    left.merge(right);
    ASSERT_EQ(one, left);
    ASSERT_EQ(one.bytes(), left.bytes());
    ASSERT_EQ(one.json(), left.json());
    for (const Measures& cell : cells) left.merge(cell, -1);
    ASSERT_TRUE(left.empty());
    one.merge(one, -1);
    ASSERT_TRUE(one.empty());
  }
}

TEST(Measures, ASmallCellMergesIntoALargeOneAsEntryByEntry) {
  std::mt19937_64 random{13};
  for (int round = 0; round < 200; ++round) {
    Measures large = random_cell(random, 400), small = random_cell(random, static_cast<int>(random() % 12));
    Measures merged = large, reversed = small, by_entry = large;
    merged.merge(small);
    reversed.merge(large);
    for (std::size_t id = 0; id < kCounters; ++id) {
      by_entry.add(static_cast<Counter>(id), small.get(static_cast<Counter>(id)));
    }
    for (const auto& bin : small.bins()) by_entry.add_time(bin.timing, bin.bin, bin.n);
    for (const auto& score : small.scores()) by_entry.add_score(score.point, score.n);
    ASSERT_EQ(merged, by_entry);
    ASSERT_EQ(merged, reversed);
  }
}

TEST(Measures, BytesComeBackAsTheyWere) {
  std::mt19937_64 random{17};
  for (int round = 0; round < 500; ++round) {
    Measures cell = random_cell(random, static_cast<int>(random() % 200)), parsed;
    const std::string bytes = cell.bytes();
    ASSERT_TRUE(parsed.parse(bytes));
    ASSERT_EQ(parsed, cell);
    ASSERT_EQ(parsed.bytes(), bytes);
  }
}

TEST(Measures, ExtremeNumbersSurviveAndWrapBack) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  Measures cell;
  cell.add(Counter::handle_ms, kMax);
  cell.add_time(Timing::first_reply, bin_of(~0ULL), std::numeric_limits<std::int64_t>::min());
  cell.add_score({ScoreKind::nps, -kMax, kMax, kMax}, kMax);
  Measures parsed;
  ASSERT_TRUE(parsed.parse(cell.bytes()));
  EXPECT_EQ(parsed, cell);
  Measures twice = cell;
  twice.merge(cell);
  twice.merge(cell, -1);
  EXPECT_EQ(twice.get(Counter::handle_ms), kMax);
  EXPECT_THAT(twice.scores(), testing::ElementsAreArray(cell.scores()));
}

TEST(Measures, TruncatedOrAlteredBytesNeverCrashAndNeverGiveASecondForm) {
  std::mt19937_64 random{19};
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = random_cell(random, static_cast<int>(random() % 20)).bytes();
    if (bytes.empty()) continue;
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    for (auto flips = random() % 3; flips > 0 && !bytes.empty(); --flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    Measures parsed;
    if (!parsed.parse(bytes)) {
      ASSERT_TRUE(parsed.empty());
      continue;
    }
    // What is taken is a cell: without zeros, sorted, readable again.
    Measures again;
    ASSERT_TRUE(again.parse(parsed.bytes()));
    ASSERT_EQ(again, parsed);
    for (const auto& bin : parsed.bins()) ASSERT_NE(bin.n, 0);
    for (std::size_t i = 1; i < parsed.scores().size(); ++i) {
      ASSERT_LT(parsed.scores()[i - 1].point, parsed.scores()[i].point);
    }
  }
}

TEST(Measures, UnknownIdsZeroValuesAndUnsortedScoresAreMalformed) {
  const auto entry = [](std::uint64_t head, std::optional<std::int64_t> n) {
    std::string out;
    put_varint(out, 1);
    put_varint(out, head);
    if (n) put_signed(out, *n);
    return out;
  };
  Measures cell;
  EXPECT_TRUE(cell.parse(entry(9u << 1 | 1, std::nullopt)));
  EXPECT_EQ(cell.get(Counter::answered), 1);
  EXPECT_FALSE(cell.parse(entry(kCounters << 1 | 1, std::nullopt)));
  EXPECT_FALSE(cell.parse(entry(9u << 1, 0)));
  EXPECT_FALSE(cell.parse(entry(9u << 1, 1)));
  EXPECT_FALSE(cell.parse(entry((1024 + 3 * 4096) << 1 | 1, std::nullopt)));
  EXPECT_FALSE(cell.parse(entry(~1ULL, 5)));
  Measures two;
  two.add_score({ScoreKind::csat, 0, 1000, 0}, 1);
  two.add_score({ScoreKind::nps, 0, 1000, 0}, 1);
  std::string bytes = two.bytes();
  std::swap(bytes[1], bytes[1 + (bytes.size() - 1) / 2]);  // the kinds change places
  EXPECT_FALSE(cell.parse(bytes));
}

TEST(Measures, SessionsAreTheSumOfTheNineResolutionCounters) {
  Measures cell;
  for (int id = 0; id < 9; ++id) cell.add(static_cast<Counter>(id), 1 << id);
  cell.add(Counter::answered, 1000);
  EXPECT_EQ(cell.sessions(), 511);
}

TEST(Measures, ATypicalSessionTakesFewBytes) {
  Measures cell;
  for (Counter c : {Counter::resolved_yes, Counter::answered, Counter::invited, Counter::evaluations, Counter::csat_n,
                    Counter::csat_top, Counter::handle_n, Counter::queue_n, Counter::first_reply_n}) {
    cell.add(c, 1);
  }
  cell.add(Counter::handle_ms, 312'400);
  cell.add(Counter::queue_ms, 8'100);
  cell.add(Counter::first_reply_ms, 12'000);
  cell.add_time(Timing::handle, bin_of(312'400), 1);
  cell.add_time(Timing::queue, bin_of(8'100), 1);
  cell.add_time(Timing::first_reply, bin_of(12'000), 1);
  cell.add_score({ScoreKind::csat, 1000, 5000, 5000}, 1);
  EXPECT_LE(cell.bytes().size(), 40u);
}

}  // namespace
}  // namespace echoloop::aggregates

#include "pipeline/aggregates/row.h"

#include <gtest/gtest.h>

#include <random>

namespace echoloop::aggregates {
namespace {

Measures random_measures(std::mt19937_64& random) {
  Measures out;
  for (auto i = random() % 12; i > 0; --i)
    out.add(static_cast<Counter>(random() % kCounters), static_cast<std::int64_t>(random() % 5) - 2);
  for (auto i = random() % 6; i > 0; --i)
    out.add_time(static_cast<Timing>(random() % 3), bin_of(random() % 300),
                 static_cast<std::int64_t>(random() % 5) - 2);
  for (auto i = random() % 4; i > 0; --i)
    out.add_score({static_cast<ScoreKind>(random() % 3), 0, 10, static_cast<std::int64_t>(random() % 4)},
                  random() % 2 == 0 ? 1 : -1);
  if (random() % 50 == 0) out.add(Counter::handle_ms, static_cast<std::int64_t>(random()));
  return out;
}

TEST(MergeRows, GivesTheBytesOfTheMergedMeasures) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  for (int round = 0; round < 20'000; ++round) {
    Measures a = random_measures(random);
    const Measures b = random_measures(random);
    std::string row = a.bytes();
    ASSERT_TRUE(merge_rows(row, b.bytes(), row));
    a.merge(b);
    ASSERT_EQ(row, a.bytes());
  }
}

TEST(MergeRows, ARowAndItsOppositeLeaveNothing) {
  std::mt19937_64 random{2};
  for (int round = 0; round < 1000; ++round) {
    const Measures a = random_measures(random);
    Measures opposite;
    opposite.merge(a, -1);
    std::string out = "before";
    ASSERT_TRUE(merge_rows(a.bytes(), opposite.bytes(), out));
    ASSERT_EQ(out, "");
  }
}

TEST(MergeRows, RefusesWhatParseRefuses) {
  std::mt19937_64 random{3};
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string row = random_measures(random).bytes();
    if (row.empty()) continue;
    if (random() % 2 == 0) {
      row.resize(random() % row.size());
    } else {
      row[random() % row.size()] ^= static_cast<char>(1u << (random() % 8));
    }
    Measures parsed;
    std::string out;
    const bool read = parsed.parse(row);
    ASSERT_TRUE(!read || merge_rows(row, "", out));
    if (read) {
      ASSERT_EQ(out, parsed.bytes());
    }
    refused += !read;
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace echoloop::aggregates

#include "processors/insight/hot_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/measures.h"

namespace echoloop::insight {
namespace {

using aggregates::Counter;
using aggregates::Measures;

constexpr std::int64_t kHour_ms = 3'600'000;

// The cube of one shard in memory; knows how often it was asked.
class Cube final : public stage::Context {
 public:
  std::map<std::string, std::string, std::less<>> rows;
  int gets = 0;

  Time now() const override { return {}; }
  int shard() const override { return 0; }
  std::optional<std::string> get(stage::Table, std::string_view key) override {
    ++gets;
    auto found = rows.find(key);
    return found == rows.end() ? std::nullopt : std::optional{found->second};
  }
  void put(stage::Table, std::string_view key, std::string value) override {
    rows.insert_or_assign(std::string(key), std::move(value));
  }
  void erase(stage::Table, std::string_view key) override { rows.erase(std::string(key)); }
  void scan(stage::Table, std::string_view from, std::string_view to, const stage::RowVisitor& visit) override {
    for (auto row = rows.lower_bound(from); row != rows.end() && (to.empty() || row->first < to); ++row) {
      if (!visit(row->first, row->second)) return;
    }
  }
  void emit(stage::Topic, stage::Kind, std::string, std::string) override {}
  void hurry() override {}
  void go_on() override {}
  void count(std::string_view, std::int64_t) override {}
};

Measures sessions(std::int64_t n) {
  Measures out;
  out.add(Counter::all_sessions, n);
  return out;
}

std::string key_of(std::string_view set, std::int64_t hour, const std::string& value) {
  return aggregates::cube_key("acme", set, hour * kHour_ms, {value});
}

void take_epoch(HotRows& hot, Cube& cube, const std::map<std::string, std::string>& gained) {
  for (const auto& [key, row] : gained) hot.prepare(key, cube);
  for (const auto& [key, row] : gained) hot.add(key, row, cube);
  hot.end_epoch();
}

TEST(HotRows, ThatAreManyOrFewOrNoneGiveTheSameCube) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random{seed};
  std::vector<HotRows> hot;
  for (std::size_t bytes : {0, 2'000, 20'000}) hot.emplace_back(bytes);
  hot.emplace_back();
  std::vector<Cube> cubes(hot.size());
  std::map<std::string, Measures> expected;
  for (int epoch = 0; epoch < 300; ++epoch) {
    std::map<std::string, Measures> added;
    for (auto n = random() % 60; n > 0; --n) {
      const auto hour = static_cast<std::int64_t>(epoch / 20 + static_cast<int>(random() % 4)) -
                        (random() % 8 == 0 ? static_cast<std::int64_t>(random() % 15) : 0);
      const std::string key = key_of(random() % 2 == 0 ? "agent" : "channel", hour, std::to_string(random() % 12));
      Measures one = sessions(1 + static_cast<std::int64_t>(random() % 3));
      one.add_time(aggregates::Timing::handle, static_cast<std::uint32_t>(random() % 5), 1);
      added[key].merge(one);
      if (random() % 3 == 0) added[key] = Measures{};
      if (random() % 3 == 0) added[key].merge(expected[key], -1);  // takes out all that there was
    }
    std::map<std::string, std::string> gained;
    for (const auto& [key, measures] : added) {
      gained[key] = measures.bytes();
      expected[key].merge(measures);
    }
    for (std::size_t i = 0; i < hot.size(); ++i) {
      if (random() % 40 == 0) hot[i] = HotRows{};
      take_epoch(hot[i], cubes[i], gained);
    }
    std::map<std::string, std::string, std::less<>> rows;
    for (const auto& [key, measures] : expected) {
      if (!measures.empty()) rows[key] = measures.bytes();
    }
    for (const Cube& cube : cubes) ASSERT_EQ(cube.rows, rows) << "epoch " << epoch;
  }
}

TEST(HotRows, OfHoursThatBeganMeanwhileAreNotAskedFor) {
  HotRows hot;
  Cube cube;
  for (std::int64_t hour = 0; hour < 5; ++hour) {
    for (int i = 0; i < 10; ++i) {
      const std::string agent = "a" + std::to_string(i);
      take_epoch(hot, cube,
                 {{key_of("agent", hour, agent), sessions(1).bytes()},
                  {key_of("agent", hour + 1, "early"), sessions(1).bytes()}});
    }
  }
  EXPECT_EQ(cube.gets, 0);
  EXPECT_EQ(cube.rows.at(key_of("agent", 2, "early")), sessions(10).bytes());
}

TEST(HotRows, OfHoursThatHadRowsAreAskedForEachTime) {
  Cube cube;
  cube.rows[key_of("agent", 0, "a")] = sessions(5).bytes();
  HotRows hot;
  for (int i = 0; i < 3; ++i) take_epoch(hot, cube, {{key_of("agent", 0, "a"), sessions(1).bytes()}});
  EXPECT_EQ(cube.gets, 3);
  EXPECT_EQ(cube.rows.at(key_of("agent", 0, "a")), sessions(8).bytes());
}

TEST(HotRows, ArePutAsideFromTheOldestHourOn) {
  HotRows hot{2'000};
  Cube cube;
  std::map<std::string, std::string> gained;
  for (std::int64_t hour = 0; hour < 100; ++hour) gained[key_of("agent", hour, "a")] = sessions(1).bytes();
  take_epoch(hot, cube, gained);
  EXPECT_EQ(cube.gets, 0);
  take_epoch(hot, cube, {{key_of("agent", 99, "a"), sessions(1).bytes()}});
  EXPECT_EQ(cube.gets, 0);
  take_epoch(hot, cube, {{key_of("agent", 0, "a"), sessions(1).bytes()}});
  EXPECT_EQ(cube.gets, 1);
}

TEST(HotRows, DoNotTakeWhatCannotBeRead) {
  HotRows hot;
  Cube cube;
  EXPECT_THROW(hot.prepare("no key", cube), stage::BrokenWorld);
  cube.rows[key_of("agent", 0, "a")] = "\xff";
  EXPECT_THROW(hot.add(key_of("agent", 0, "a"), sessions(1).bytes(), cube), stage::BrokenWorld);
}

}  // namespace
}  // namespace echoloop::insight

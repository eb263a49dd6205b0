// What every implementation of stage::View promises to processors and readers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <tuple>

#include "tests/links/houses.h"

namespace echoloop {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;
using stage::Table;

class ViewContract : public testing::TestWithParam<houses::Kind> {
 protected:
  Rows scan(Table table, int shard, std::string_view from = "", std::string_view to = "") const {
    Rows rows;
    auto done = house_->view().scan(table, shard, from, to, [&](std::string_view key, std::string_view value) {
      rows.emplace_back(key, value);
      return true;
    });
    EXPECT_TRUE(done) << done.error().text();
    return rows;
  }

  std::unique_ptr<houses::House> house_ = GetParam().make(300);
};

TEST_P(ViewContract, ARowIsWhatWasWrittenLast) {
  auto get = [&](std::string_view key) { return house_->view().get(Table::cube, 7, key).value(); };
  EXPECT_EQ(get("a"), std::nullopt);
  house_->write({{Table::cube, 7, "a", "1"}, {Table::cube, 7, "", "no key"}, {Table::cube, 7, "empty", ""}});
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get(""), "no key");
  EXPECT_EQ(get("empty"), "") << "an empty value is a value";
  house_->write({{Table::cube, 7, "a", "2"}, {Table::cube, 7, "", std::nullopt}});
  EXPECT_EQ(get("a"), "2");
  EXPECT_EQ(get(""), std::nullopt);
}

TEST_P(ViewContract, TablesAndShardsDoNotTouch) {
  const std::string low(1, '\0'), high(3, '\xff');
  std::vector<stage::Row> rows;
  for (Table table : {Table::sessions, Table::cube, Table::evidence}) {
    for (int shard : {0, 1, 255, 256, 299}) {
      for (const std::string& key : {std::string{}, low, std::string{"m"}, high}) {
        rows.push_back({table, shard, key, std::to_string(static_cast<int>(table)) + "/" + std::to_string(shard)});
      }
    }
  }
  house_->write(rows);
  for (Table table : {Table::sessions, Table::cube, Table::evidence}) {
    for (int shard : {0, 1, 255, 256, 299}) {
      const std::string value = std::to_string(static_cast<int>(table)) + "/" + std::to_string(shard);
      EXPECT_THAT(scan(table, shard), testing::ElementsAre(testing::Pair("", value), testing::Pair(low, value),
                                                           testing::Pair("m", value), testing::Pair(high, value)));
    }
  }
  EXPECT_TRUE(scan(Table::sessions, 2).empty());
  EXPECT_TRUE(scan(Table::dead, 0).empty());
}

TEST_P(ViewContract, AVisitorEndsTheScan) {
  house_->write({{Table::tasks, 0, "a", "1"}, {Table::tasks, 0, "b", "2"}, {Table::tasks, 0, "c", "3"}});
  int seen = 0;
  ASSERT_TRUE(house_->view().scan(Table::tasks, 0, "", "", [&](auto, auto) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST_P(ViewContract, AVisitorMayReadTheView) {
  house_->write({{Table::tasks, 0, "a", "b"}, {Table::tasks, 0, "b", "end"}});
  std::vector<std::string> found;
  ASSERT_TRUE(house_->view().scan(Table::tasks, 0, "a", "b", [&](auto, std::string_view value) {
    found.push_back(house_->view().get(Table::tasks, 0, value).value().value_or("nothing"));
    return true;
  }));
  EXPECT_THAT(found, testing::ElementsAre("end"));
}

// Random rows with awkward keys against std::map, through reopening.
TEST_P(ViewContract, ScansAreThoseOfASortedMap) {
  std::mt19937 dice{7};
  std::map<std::tuple<Table, int, std::string>, std::string> model;
  auto key = [&] {
    static constexpr char kBytes[] = {'\0', '\1', 'a', 'b', '\x7f', '\x80', '\xff'};
    std::string text;
    for (unsigned i = dice() % 5; i > 0; --i) text.push_back(kBytes[dice() % sizeof kBytes]);
    return text;
  };
  auto table = [&] { return dice() % 2 == 0 ? Table::findings : Table::causes; };
  auto shard = [&] { return static_cast<int>(dice() % 3) + 254; };
  for (int round = 0; round < 60; ++round) {
    std::map<std::tuple<Table, int, std::string>, std::optional<std::string>> batch;
    for (int i = 0; i < 20; ++i) {
      std::optional<std::string> value;
      if (dice() % 3 != 0) value = std::to_string(dice());
      batch[{table(), shard(), key()}] = value;
    }
    std::vector<stage::Row> rows;
    for (const auto& [place, value] : batch) {
      rows.push_back({std::get<0>(place), std::get<1>(place), std::get<2>(place), value});
      if (value) {
        model[place] = *value;
      } else {
        model.erase(place);
      }
    }
    house_->write(rows);
    if (round % 20 == 19) house_->reopen();
    for (int i = 0; i < 10; ++i) {
      const Table t = table();
      const int s = shard();
      const std::string from = key(), to = key();
      Rows wanted;
      for (const auto& [place, value] : model) {
        if (std::get<0>(place) != t || std::get<1>(place) != s || std::get<2>(place) < from) continue;
        if (to.empty() || std::get<2>(place) < to) wanted.emplace_back(std::get<2>(place), value);
      }
      EXPECT_EQ(scan(t, s, from, to), wanted);
      auto found = model.find({t, s, from});
      EXPECT_EQ(house_->view().get(t, s, from).value(),
                found == model.end() ? std::nullopt : std::optional{found->second});
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Houses, ViewContract, testing::ValuesIn(houses::all_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace echoloop

// The bound on the values of a dimension: whatever comes in whatever order, `other` and the values with a name of their
// own add up to what there would be without a bound.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/measures.h"
#include "processors/insight/admission.h"
#include "tests/processors/stream.h"
#include "tests/stages/configuration.h"
#include "tests/stages/driver.h"

namespace echoloop {
namespace {

using aggregates::CubeKey;
using aggregates::Measures;
using stages::Driver;
using stages::DriverOptions;

std::shared_ptr<const Domain> house(std::uint64_t values_max, const DomainTexts& texts = stages::small_house()) {
  auto domain = std::make_shared<Domain>(*stages::loaded(texts));
  domain->values_max = values_max;
  return domain;
}

using Cube = std::map<std::string, Measures>;  // by key

Cube cube_of(Driver& driver) {
  Cube out;
  for (int shard = 0; shard < driver.shards(); ++shard) {
    auto scanned = driver.house().view().scan(stage::Table::cube, shard, "", "",
                                              [&](std::string_view key, std::string_view value) {
                                                EXPECT_TRUE(out[std::string(key)].parse(value));
                                                return true;
                                              });
    EXPECT_TRUE(scanned.has_value());
  }
  return out;
}

std::string key_of(const CubeKey& key) {
  return aggregates::cube_key(key.tenant, key.set, key.bucket_ms, {key.values.begin(), key.values.end()});
}

// (tenant, set, place in the set) → values.
using Values = std::map<std::tuple<std::string, std::string, std::size_t>, std::set<std::string>>;

Values values_of(const Cube& cube) {
  Values out;
  for (const auto& [key, measures] : cube) {
    const CubeKey cell = *aggregates::parse_cube_key(key);
    for (std::size_t i = 0; i < cell.values.size(); ++i) out[{cell.tenant, cell.set, i}].insert(cell.values[i]);
  }
  return out;
}

// Every value that is not among those is `other`.
Cube folded(const Cube& cube, const Values& named) {
  Cube out;
  for (const auto& [key, measures] : cube) {
    CubeKey cell = *aggregates::parse_cube_key(key);
    for (std::size_t i = 0; i < cell.values.size(); ++i) {
      auto values = named.find({cell.tenant, cell.set, i});
      if (values == named.end() || !values->second.contains(cell.values[i])) cell.values[i] = "other";
    }
    out[key_of(cell)].merge(measures);
  }
  std::erase_if(out, [](const auto& row) { return row.second.empty(); });
  return out;
}

// Sums over all values.
Cube totals(const Cube& cube) { return folded(cube, {}); }

std::vector<std::string> lines(const Cube& cube) {
  std::vector<std::string> out;
  for (const auto& [key, measures] : cube)
    out.push_back(aggregates::canonical_line(*aggregates::parse_cube_key(key), measures));
  return out;
}

std::string closed(int session, std::string_view id, std::string_view closed_at, std::string_view fields) {
  return fmt::format(
      R"({{"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/a","id":"{}","data":{{"tenant":"acme","session_id":"s{}","closed_at":"{}",{}}}}})",
      id, session, closed_at, fields);
}

std::string web(int channel) { return fmt::format(R"("channel":"web-{}")", channel); }

class Admission : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Admission, OtherIsExactlyWhatHasNoNameThroughDisorderFailuresAndRestarts) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  std::mt19937_64 random{GetParam() * 104'729};
  std::vector<std::string> events = random_stream::events(GetParam(), 60);
  Driver unbounded{house(10'000)};
  unbounded.set_now(random_stream::kAfter_all);
  for (const std::string& event : events) unbounded.append(event);
  unbounded.run();

  DriverOptions options;
  options.seed = GetParam();
  options.shards = 1 + static_cast<int>(GetParam() % 4);
  options.workers = 1 + static_cast<int>(GetParam() % 2);
  options.epoch_records_max = GetParam() % 3 == 0 ? 1 : 40;
  options.commit_failures = 0.25;
  const std::size_t bound = 1 + GetParam() % 2;
  Driver driver{house(bound), options};
  driver.set_now(random_stream::kAfter_all);
  std::shuffle(events.begin(), events.end(), random);
  for (const std::string& event : events) {
    driver.append(event);
    if (random() % 20 == 0) driver.run();
    if (random() % 40 == 0) driver.restart();
  }
  driver.run();
  EXPECT_GT(driver.failures(), 0);

  const Cube all = cube_of(unbounded), seen = cube_of(driver);
  const Values named = values_of(seen);
  EXPECT_EQ(lines(seen), lines(folded(all, named)));
  const std::shared_ptr<const Domain> domain = house(bound);
  std::size_t mixed = 0;
  for (const auto& [place, values] : named) {
    const std::string name = aggregates::dimensions_of(std::get<1>(place)).at(std::get<2>(place));
    std::size_t counted = 0;
    for (const std::string& value : values) {
      const bool configured = std::any_of(domain->tags.begin(), domain->tags.end(),
                                          [&](const Tag& tag) { return name.ends_with("tag") && tag.id == value; }) ||
                              (name == "department" && domain->departments.contains(value)) ||
                              (name == "survey" && domain->counting.back().surveys.contains(value));
      if (value != "unknown" && value != "other" && !configured) ++counted;
    }
    EXPECT_LE(counted, bound) << name;
    mixed += values.contains("other");
  }
  EXPECT_GT(mixed, 5u);
  EXPECT_GT(driver.counters().at("cells_other/category"), 0);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Admission, testing::Range<std::uint64_t>(1, 9));

TEST(AdmissionBound, MayMoveWhileCorrectionsArrive) {
  const auto play = [](Driver& driver, const std::function<void(int)>& between) {
    driver.set_now(random_stream::kAfter_all);
    for (int i = 0; i < 12; ++i) driver.append(closed(i, "c", "2026-03-02T01:00:00Z", web(i)));
    driver.run();
    between(0);
    for (int i = 0; i < 12; ++i) driver.append(closed(100 + i, "c", "2026-03-02T03:00:00Z", web(i)));
    driver.run();
    between(1);
    // Every session moves to another channel, and one hour back or on.
    for (int i = 0; i < 12; ++i) driver.append(closed(i, "d", "2026-03-02T04:00:00Z", web(11 - i)));
    for (int i = 0; i < 12; ++i) driver.append(closed(100 + i, "d", "2026-03-02T03:30:00Z", web(i + 1)));
    driver.run();
    between(2);
  };
  Driver unbounded{house(10'000)};
  play(unbounded, [](int) {});
  Driver driver{house(2)};
  play(driver, [&](int step) {
    driver.start_with(house(step == 0 ? 8 : step == 1 ? 1 : 9));
    driver.run();
  });
  const Cube all = cube_of(unbounded), seen = cube_of(driver);
  EXPECT_EQ(lines(totals(seen)), lines(totals(all)));
  EXPECT_THAT(lines(seen), testing::Each(testing::Not(testing::HasSubstr(":-"))));
  EXPECT_THAT(lines(seen), testing::Contains(testing::HasSubstr(R"("values":["other"])")));
  // web-5 was refused at one o'clock, and has had a name since the bound was raised.
  EXPECT_THAT(lines(seen), testing::Contains(testing::HasSubstr(R"("values":["web-5"])")));
}

TEST(AdmissionBound, WhatTheConfigurationNamesIsAlwaysAdmitted) {
  const auto by = [](std::string_view department) {
    return fmt::format(R"("agents":[{{"id":"a","department":"{}"}}])", department);
  };
  DomainTexts texts = stages::small_house();
  Driver driver{house(1, texts)};
  driver.set_now(random_stream::kAfter_all);
  int session = 0;
  const auto send = [&](std::string_view department, std::string_view at) {
    driver.append(closed(session++, "c", at, by(department)));
    driver.run();
  };
  for (std::string_view department : {"x1", "x2", "new", "delivery", "triage"})
    send(department, "2026-03-02T01:00:00Z");
  texts["organisation.yaml"].replace(texts["organisation.yaml"].find("departments:\n"), 13,
                                     "departments:\n  - {id: new, name: {zh: 新, en: New}}\n");
  driver.reload(house(1, texts));
  send("new", "2026-03-02T01:00:00Z");
  send("new", "2026-03-02T02:00:00Z");
  std::vector<std::string> seen;
  for (const auto& [key, measures] : cube_of(driver)) {
    const CubeKey cell = *aggregates::parse_cube_key(key);
    if (cell.set == "department")
      seen.push_back(
          fmt::format("{} {} {}", format_time(from_ms(cell.bucket_ms)), cell.values.front(), measures.sessions()));
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("2026-03-02T01:00:00Z delivery 1", "2026-03-02T01:00:00Z other 3",
                                                  "2026-03-02T01:00:00Z triage 1", "2026-03-02T01:00:00Z x1 1",
                                                  "2026-03-02T02:00:00Z new 1"));
}

TEST(AdmissionBound, RowsOfATimeWithoutABoundKeepTheirNames) {
  Driver driver{house(10'000)};
  driver.set_now(random_stream::kAfter_all);
  for (int i = 0; i < 5; ++i) driver.append(closed(i, "c", "2026-03-02T01:00:00Z", web(i)));
  driver.run();
  const std::vector<std::string> before = driver.aggregates();
  for (int shard = 0; shard < driver.shards(); ++shard) {
    std::vector<stage::Row> gone;
    ASSERT_TRUE(driver.house().view().scan(stage::Table::admissions, shard, "", "",
                                           [&](std::string_view key, std::string_view) {
                                             gone.push_back({stage::Table::admissions, shard, std::string(key), {}});
                                             return true;
                                           }));
    driver.house().write(gone);
  }
  driver.start_with(house(2));
  for (int i = 0; i < 5; ++i) driver.append(closed(i, "d", "2026-03-02T01:00:01Z", web(i)));
  driver.run();
  EXPECT_EQ(driver.aggregates(), before);
}

TEST(AdmissionBound, RulesFireOnNamesAndNotOnOther) {
  DomainTexts texts = stages::small_house();
  texts["rules.yaml"] = R"(thresholds:
  - {id: many, version: 1, title: {zh: "{channel}", en: "{channel}"}, metric: sessions, group_by: [channel], window: day, minimum_n: 1,
     tiers: [{above: 3, severity: low, escalate_to: lead}]}
recoveries: []
)";
  const auto scopes = [&](std::uint64_t bound) {
    Driver driver{house(bound, texts)};
    driver.set_now(random_stream::kAfter_all);
    for (int i = 0; i < 3; ++i) driver.append(closed(i, "c", "2026-03-02T01:00:00Z", web(0)));
    driver.run();
    for (int i = 10; i < 16; ++i) driver.append(closed(i, "c", "2026-03-02T01:00:00Z", web(1 + i % 2)));
    for (int i = 20; i < 23; ++i) driver.append(closed(i, "c", "2026-03-02T01:00:00Z", R"("channel":"other")"));
    driver.run();
    std::set<std::string> out;
    for (const state::Task& task : driver.tasks()) out.insert(task.scope(0));
    return out;
  };
  EXPECT_THAT(scopes(1), testing::ElementsAre("web-0"));
  // Without others behind it, a channel of that name is one like any other.
  EXPECT_THAT(scopes(3), testing::ElementsAre("other", "web-0", "web-1", "web-2"));
}

}  // namespace
}  // namespace echoloop

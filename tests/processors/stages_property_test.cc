// What must hold whatever comes in whatever order: docs/aggregates.md promises that rows and live tasks are a function
// of the set of events and the configuration, and of nothing else.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/processors/stream.h"
#include "tests/stages/configuration.h"
#include "tests/stages/driver.h"
#include "tests/stages/read_out.h"

namespace echoloop {
namespace {

using stages::Driver;
using stages::DriverOptions;

constexpr int kSessions = 60;

void replace_once(std::string& text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  ASSERT_NE(at, std::string::npos) << what;
  text.replace(at, what.size(), with);
}

// The same house with other aliases, boxes and sets, some from a day within the stream on.
DomainTexts changed_house() {
  DomainTexts texts = stages::ruled_house();
  replace_once(texts["taxonomy.yaml"], "aliases: [快递慢, slow parcel]",
               "aliases: [slow parcel, {text: 龟速, effective_from: 2026-03-03T00:00:00+08:00}]");
  replace_once(texts["taxonomy.yaml"], "id: rude, name: {zh: 态度差, en: Bad attitude}, moment: greeting",
               "id: rude, name: {zh: 态度差, en: Bad attitude}, moment: language");
  replace_once(texts["surveys.yaml"], "{min: 1, max: 5, top_from: 4, bottom_to: 2}]",
               "{min: 1, max: 5, top_from: 4, bottom_to: 2}, {min: 1, max: 5, top_from: 5, bottom_to: 3, "
               "effective_from: 2026-03-03T12:00:00+08:00}]");
  replace_once(texts["metrics.yaml"], "  - [agent]\n",
               "  - {dimensions: [agent, tag], effective_from: 2026-03-02T12:30:00Z}\n  - [moment, survey]\n");
  return texts;
}

struct Outcome {
  std::vector<std::string> rows, tasks;
  std::map<std::string, std::int64_t> counters;
  int failures = 0;
};

Outcome outcome_of(const Driver& driver) {
  Outcome out{driver.aggregates(), stages::live_tasks(driver.tasks()), driver.counters(), driver.failures()};
  EXPECT_THAT(driver.dead_letters(), testing::IsEmpty());
  return out;
}

// In the order given, all at once.
Outcome plainly(const std::vector<std::string>& events, const DomainTexts& texts) {
  Driver driver{stages::loaded(texts)};
  driver.set_now(random_stream::kAfter_all);
  for (const std::string& event : events) driver.append(event);
  driver.run();
  return outcome_of(driver);
}

DriverOptions hostile(std::uint64_t seed) {
  DriverOptions options;
  options.seed = seed;
  options.shards = 4 + static_cast<int>(seed % 3);
  options.workers = 1 + static_cast<int>(seed % 3);
  options.epoch_records_max = seed % 4 == 0 ? 1 : 40;
  options.commit_failures = 0.25;
  return options;
}

class Stages : public testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override { RecordProperty("seed", std::to_string(GetParam())); }
  std::mt19937_64 random_{GetParam() * 7919};
};

TEST_P(Stages, OrderRepetitionEpochsShardsAndFailuresLeaveNoTrace) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  std::vector<std::string> events = random_stream::events(GetParam(), kSessions);
  const Outcome expected = plainly(events, stages::ruled_house());
  ASSERT_THAT(expected.rows, testing::SizeIs(testing::Gt(100u)));
  ASSERT_THAT(expected.tasks, testing::SizeIs(testing::Gt(10u)));

  std::shuffle(events.begin(), events.end(), random_);
  const std::size_t once = events.size();
  Driver driver{stages::loaded(stages::ruled_house()), hostile(GetParam())};
  driver.set_now(random_stream::kAfter_all);
  std::int64_t sent = 0;
  for (std::size_t i = 0; i < once; ++i) {
    for (int times = random_() % 5 == 0 ? 2 : 1; times > 0; --times, ++sent) driver.append(events[i]);
    if (random_() % 20 == 0) driver.append(events[random_() % (i + 1)]), ++sent;
    if (random_() % 30 == 0) driver.run();
    if (random_() % 10 == 0) driver.run_epoch(0);
    if (random_() % 50 == 0) driver.restart();
  }
  driver.run();
  Outcome seen = outcome_of(driver);
  EXPECT_EQ(seen.rows, expected.rows);
  EXPECT_EQ(seen.tasks, expected.tasks);
  EXPECT_GT(seen.failures, 0);
  EXPECT_EQ(seen.counters["events_applied"], static_cast<std::int64_t>(once));
  EXPECT_EQ(seen.counters["events_applied"] + seen.counters["events_duplicate"], sent);
  EXPECT_EQ(seen.counters["sessions_closed"], expected.counters.at("sessions_closed"));
  EXPECT_EQ(seen.counters["orphans"], expected.counters.at("orphans"));
}

TEST_P(Stages, RulesLoadedInTheMiddleCountLikeRulesFromTheStart) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  const std::vector<std::string> events = random_stream::events(GetParam(), kSessions);
  const Outcome expected = plainly(events, changed_house());
  ASSERT_NE(expected.rows, plainly(events, stages::ruled_house()).rows);

  Driver driver{stages::loaded(stages::ruled_house()), hostile(GetParam())};
  driver.set_now(random_stream::kAfter_all);
  for (std::size_t i = 0; i < events.size(); ++i) {
    driver.append(events[i]);
    if (i % 17 == 0) driver.run();
    if (i == events.size() / 3 || i == 2 * events.size() / 3) driver.reload(stages::loaded(changed_house()));
    if (i == events.size() / 2) driver.reload(stages::loaded(stages::ruled_house()));
    if (random_() % 25 == 0) driver.restart();
  }
  driver.run();
  Outcome seen = outcome_of(driver);
  EXPECT_EQ(seen.rows, expected.rows);
  EXPECT_EQ(seen.tasks, expected.tasks);
  EXPECT_GT(seen.counters["sessions_recounted"], 0);
}

TEST_P(Stages, WhatIsWithdrawnAndUntoldLeavesNothingBehind) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  Driver driver{stages::loaded(stages::ruled_house()), hostile(GetParam())};
  driver.set_now(random_stream::kAfter_all);
  for (int i = 0; i < 12; ++i) {
    const std::string session = fmt::format(R"("tenant":"acme","session_id":"s{}")", i);
    const auto send = [&](std::string_view type, std::string_view id, std::string_view data) {
      driver.append(fmt::format(
          R"({{"specversion":"1.0","type":"echoloop.{}.v1","source":"/a","id":"{}","time":"2026-03-02T01:00:00Z","data":{{{},{}}}}})",
          type, id, session, data));
    };
    send("session.closed", "c", R"("closed_at":"2026-03-02T01:00:00Z","category":"account","channel":"web")");
    send("evaluation.submitted", "r",
         R"("evaluation_id":"v","submitted_at":"2026-03-02T02:00:00Z","score":{"value":1},"tags":["late"])");
    if (random_() % 2 == 0) driver.run();
    send("evaluation.withdrawn", "w", R"("evaluation_id":"v","reason":"test")");
  }
  driver.run();
  EXPECT_THAT(stages::live_tasks(driver.tasks()), testing::IsEmpty());
  // Nothing but twelve sessions without an evaluation: one cell a set.
  std::vector<std::string> sessions_only;
  for (const std::string& line : driver.aggregates()) {
    EXPECT_THAT(line, testing::HasSubstr(R"("measures":{)"));
    EXPECT_THAT(line, testing::AnyOf(testing::HasSubstr(R"("unknown_unanswered":12})"),
                                     testing::HasSubstr(R"("all_sessions":12,"unknown_unanswered":12})")));
  }
  EXPECT_THAT(driver.aggregates(),
              testing::SizeIs(stages::loaded(stages::ruled_house())->counting.front().sets.size()));
}

INSTANTIATE_TEST_SUITE_P(Seeds, Stages, testing::Range<std::uint64_t>(1, 13));

// More sessions than one epoch recounts: the pass goes on by itself, through failed commits and restarts.
TEST(Recount, OfManySessionsEndsThroughFailuresAndRestarts) {
  constexpr int kMany = 20'500;
  DomainTexts texts = stages::ruled_house();
  texts["rules.yaml"] = "thresholds: []\nrecoveries: []\n";
  std::string& metrics = texts["metrics.yaml"];
  metrics = metrics.substr(0, metrics.find("dimension_sets:")) + "dimension_sets:\n  - []\n";
  DriverOptions options;
  options.shards = 1;
  Driver driver{stages::loaded(texts), options};
  driver.set_now(random_stream::kAfter_all);
  for (int i = 0; i < kMany; ++i) {
    driver.append(fmt::format(
        R"({{"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/a","id":"c","data":{{"tenant":"acme","session_id":"s{}","closed_at":"2026-03-02T01:00:00Z","channel":"web"}}}})",
        i));
  }
  driver.run();
  metrics += "  - [channel]\n";
  driver.reload(stages::loaded(texts));
  ASSERT_TRUE(driver.run_epoch());
  EXPECT_EQ(driver.counters().at("sessions_recounted"), 20'000);
  driver.fail_next_commit();
  ASSERT_TRUE(driver.run_epoch());
  EXPECT_EQ(driver.counters().at("sessions_recounted"), 20'000);
  driver.restart();
  driver.run();
  EXPECT_EQ(driver.counters().at("sessions_recounted"), kMany);
  EXPECT_THAT(
      driver.aggregates(),
      testing::ElementsAre(
          R"({"bucket":1772413200,"dimensions":["channel"],"measures":{"unknown_unanswered":20500},"tenant":"acme","values":["web"]})",
          R"({"bucket":1772413200,"dimensions":[],"measures":{"unknown_unanswered":20500},"tenant":"acme","values":[]})"));
}

// Rules that changed while echoloop stood still: nobody sends a wake-up.
TEST(Recount, BeginsByItselfWhenEcholoopStartsWithOtherRules) {
  DomainTexts texts = stages::ruled_house();
  Driver driver{stages::loaded(texts), {}};
  driver.set_now(random_stream::kAfter_all);
  driver.append(
      R"({"specversion":"1.0","type":"echoloop.session.closed.v1","source":"/a","id":"c","data":{"tenant":"acme","session_id":"s","closed_at":"2026-03-02T01:00:00Z"}})");
  driver.run();
  driver.start_with(stages::loaded(changed_house()));
  driver.run();
  EXPECT_EQ(driver.counters().at("sessions_recounted"), 1);
  driver.restart();
  EXPECT_FALSE(driver.run_epoch());  // all is done: an idle start commits nothing
}

}  // namespace
}  // namespace echoloop

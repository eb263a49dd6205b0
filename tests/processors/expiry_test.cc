// What is kept beside sessions goes after the retention, in stage time, and not before.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "schemas/state.pb.h"
#include "tests/stages/configuration.h"
#include "tests/stages/driver.h"

namespace echoloop {
namespace {

using stages::Driver;
using stages::DriverOptions;

constexpr Time kStart = from_ms(1'772'420'400'000);
constexpr Duration kRetention{64 * kDay_ms};

class Expiry : public testing::TestWithParam<double> {
 protected:
  static DriverOptions options() {
    DriverOptions options;
    options.shards = 2;
    options.seed = 5;
    options.commit_failures = GetParam();
    return options;
  }
  static std::shared_ptr<const Domain> domain() {
    DomainTexts texts = stages::small_house();
    texts["rules.yaml"] = R"(thresholds:
  - {id: many, version: 1, title: {zh: "{channel}", en: "{channel}"}, metric: sessions, group_by: [channel], window: day, minimum_n: 1,
     tiers: [{above: 2, severity: low, escalate_to: lead}]}
recoveries: []
)";
    return stages::loaded(texts, false, kRetention);
  }
  Expiry() { driver_.set_now(kStart); }

  void send(std::string_view type, std::string_view id, std::string_view fields) {
    driver_.append(fmt::format(
        R"({{"specversion":"1.0","type":"echoloop.{}.v1","source":"/a","id":"{}","data":{{"tenant":"acme",{}}}}})",
        type, id, fields));
  }
  void closed(int session) {
    send("session.closed", "c",
         fmt::format(R"("session_id":"s{}","closed_at":"2026-03-02T01:00:00Z","channel":"web")", session));
  }
  // Moves the stage time of every shard of every stage.
  void later(Duration time) {
    driver_.set_now(driver_.now() + time);
    for (int i = 0; i < 40; ++i) closed(next_session_++);
    driver_.run();
  }
  std::size_t rows(stage::Table table) {
    std::size_t n = 0;
    for (int shard = 0; shard < driver_.shards(); ++shard) {
      auto scanned = driver_.house().view().scan(table, shard, "", "", [&](std::string_view, std::string_view) {
        ++n;
        return true;
      });
      EXPECT_TRUE(scanned.has_value());
    }
    return n;
  }

  // Sessions below 1000 that stand as evidence.
  std::size_t old_evidence() {
    std::set<std::string> found;
    for (int shard = 0; shard < driver_.shards(); ++shard) {
      auto scanned = driver_.house().view().scan(stage::Table::evidence, shard, "", "",
                                                 [&](std::string_view, std::string_view row) {
                                                   for (Reader reader{row}; reader.ok() && !reader.done();) {
                                                     reader.byte();
                                                     const std::string session{reader.text()};
                                                     if (session.size() < 5) found.insert(session);
                                                   }
                                                   return true;
                                                 });
      EXPECT_TRUE(scanned.has_value());
    }
    return found.size();
  }

  Driver driver_{domain(), options()};
  int next_session_ = 1000;
};

TEST_P(Expiry, OutcomesGoAfterTheRetention) {
  const auto outcome = [&](int i) {
    send("outcome.observed", fmt::format("o{}", i),
         R"("name":"parcels late","time":"2020-03-02T01:00:00Z","numerator":1,"denominator":2)");
  };
  for (int i = 0; i < 20; ++i) outcome(i);
  later(Duration{30 * kDay_ms});
  for (int i = 10; i < 30; ++i) outcome(i);
  later(Duration{33 * kDay_ms});
  EXPECT_EQ(rows(stage::Table::outcomes), 30u) << "stage time counts, not the time in the data";
  later(Duration{3 * kDay_ms});
  EXPECT_EQ(rows(stage::Table::outcomes), 10u);
  driver_.restart();
  later(Duration{29 * kDay_ms});
  later(Duration{1 * kDay_ms});
  EXPECT_EQ(rows(stage::Table::outcomes), 0u);
  EXPECT_EQ(rows(stage::Table::row_ages), 0u);
  EXPECT_EQ(driver_.counters().at("outcomes_expired"), 30);
}

TEST_P(Expiry, SettledLettersGoAndOpenOnesStay) {
  driver_.append("no event");
  driver_.append("no event either");
  driver_.run();
  ASSERT_THAT(driver_.dead_letters(), testing::SizeIs(2));
  const auto settle = [&](std::string_view document) {
    for (int shard = 0; shard < driver_.shards(); ++shard) {
      auto scanned = driver_.house().view().scan(
          stage::Table::dead, shard, "", "", [&](std::string_view id, std::string_view row) {
            state::DeadLetter letter;
            EXPECT_TRUE(letter.ParseFromArray(row.data(), static_cast<int>(row.size())));
            if (letter.rejected().document() != document) return true;
            state::DeadSettled settled;
            settled.set_id(std::string(id));
            settled.set_state(state::DeadLetter::DROPPED);
            for (int i = 0;; ++i) {
              const std::string key = fmt::format("k{}", i);
              if (partition_of(key, driver_.shards()) != shard) continue;
              driver_.append(stage::Kind::dead_settled, key, settled.SerializeAsString());
              return true;
            }
          });
      EXPECT_TRUE(scanned.has_value());
    }
  };
  later(Duration{10 * kDay_ms});
  settle("no event");
  later(Duration{60 * kDay_ms});
  EXPECT_THAT(driver_.dead_letters(), testing::SizeIs(2));
  settle("no event");  // once more: it counts from now
  later(Duration{10 * kDay_ms});
  EXPECT_THAT(driver_.dead_letters(), testing::SizeIs(2));
  later(Duration{60 * kDay_ms});
  ASSERT_THAT(driver_.dead_letters(), testing::SizeIs(1));
  EXPECT_EQ(driver_.dead_letters().front().rejected().document(), "no event either");
  EXPECT_EQ(driver_.counters().at("dead_letters_open"), 1);
}

TEST_P(Expiry, AnswersToCommandsGoAfterTheRetention) {
  for (int i = 0; i < 3; ++i) closed(i);
  driver_.run();
  ASSERT_THAT(driver_.tasks(), testing::SizeIs(1));
  const std::string task = driver_.tasks().front().id();
  send("task.command", "x", fmt::format(R"("task_id":"{}","command":"acknowledge","by":"ann")", task));
  driver_.run();
  ASSERT_TRUE(driver_.answer("/a", "x"));
  // Findings of later days move the clock of CASEWORK; the task changes with each.
  later(Duration{60 * kDay_ms});
  EXPECT_TRUE(driver_.answer("/a", "x"));
  later(Duration{10 * kDay_ms});
  EXPECT_FALSE(driver_.answer("/a", "x"));
  EXPECT_EQ(driver_.tasks().front().state(), "acknowledged");
}

TEST_P(Expiry, EvidenceGoesAfterTheRetentionAndNumbersStay) {
  for (int i = 0; i < 100; ++i) {
    closed(i);
    if (i % 3 == 0) driver_.run();
  }
  driver_.run();
  EXPECT_EQ(old_evidence(), 100u);
  const std::int64_t before = driver_.tasks().front().count();
  for (int step = 0; step < 4; ++step) later(Duration{15 * kDay_ms});
  EXPECT_EQ(old_evidence(), 100u);
  driver_.restart();
  for (int step = 0; step < 4; ++step) later(Duration{5 * kDay_ms});
  EXPECT_EQ(old_evidence(), 0u);
  EXPECT_GT(rows(stage::Table::evidence), 0u);
  EXPECT_EQ(driver_.tasks().front().count(), before + 8 * 40);
  EXPECT_EQ(driver_.tasks().front().sample_size(), 10);
}

INSTANTIATE_TEST_SUITE_P(CommitFailures, Expiry, testing::Values(0.0, 0.3));

}  // namespace
}  // namespace echoloop

// Tasks stand on the lists that questions are answered from, those of former versions too.
#include "processors/casework/task_lists.h"

#include <gtest/gtest.h>

#include "processors/casework/case_book.h"
#include "tests/processors/casework_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::casework {
namespace {

TEST(TaskLists, AKeySaysWhatItHoldsAndNewerOnesComeFirst) {
  state::Task task;
  task.set_tenant("acme");
  task.set_department("last-mile");
  task.set_state("opened");
  task.set_kind("safety");
  task.set_id("t1");
  task.set_opened_at(1000);
  task.set_overdue(true);
  const std::string older = list_key(task);
  const auto listed = parse_list_key(older);
  ASSERT_TRUE(listed);
  EXPECT_EQ(listed->list.department, "last-mile");
  EXPECT_EQ(listed->list.state, "opened");
  EXPECT_EQ(listed->list.kind, "safety");
  EXPECT_TRUE(listed->list.overdue);
  EXPECT_EQ(listed->id, "t1");
  EXPECT_EQ(list_prefix("acme", listed->list) + std::string(listed->order), older);
  task.set_opened_at(2000);
  EXPECT_LT(list_key(task), older);
  EXPECT_FALSE(parse_list_key("acme"));
}

// More tasks than one epoch brings up to date, in several states.
class FormerVersion : public testing::Test {
 protected:
  FormerVersion() {
    for (int i = 0; i < 1'200; ++i) {
      const std::string id = play_.open(i % 3 == 0 ? "safety" : "recovery", "stranger" + std::to_string(i));
      if (i % 5 == 0) play_.command(id, full_command("accept", play_.rows.time));
      if (i % 7 == 0) play_.command(id, full_command("hold", play_.rows.time));
    }
    play_.pass(Duration{2 * kDay_ms});
  }

  // As a version left it that knew neither lists nor timers nor open customers.
  void forget() {
    auto& rows = play_.rows.rows;
    for (stage::Table table : {stage::Table::task_lists, stage::Table::timers, stage::Table::open_customers})
      rows[table].clear();
    rows[stage::Table::counters].erase(std::string(kAll_listed));
    for (auto& [key, row] : rows[stage::Table::tasks]) {
      state::Task task;
      task.ParseFromString(row);
      task.clear_listed();
      task.clear_overdue();
      task.mutable_clock()->clear_timer();
      row = task.SerializeAsString();
    }
  }

  CaseworkPlay play_{stages::loaded(stages::ruled_house())};
};

TEST_F(FormerVersion, GetsEveryRowThatItLacksAndNobodyIsTold) {
  const auto before = play_.rows.rows;
  forget();
  play_.rows.told.clear();
  play_.restart();
  for (stage::Table table :
       {stage::Table::tasks, stage::Table::task_lists, stage::Table::timers, stage::Table::open_customers}) {
    EXPECT_EQ(play_.rows.rows[table].size(), before.at(table).size()) << static_cast<int>(table);
    EXPECT_TRUE(play_.rows.rows[table] == before.at(table)) << static_cast<int>(table);
  }
  EXPECT_TRUE(play_.rows.told.empty());
  EXPECT_TRUE(play_.rows.get(stage::Table::counters, kAll_listed));
}

TEST_F(FormerVersion, IsNotLookedAtASecondTime) {
  forget();
  play_.restart();
  play_.rows.rows[stage::Table::task_lists].clear();
  play_.restart();
  EXPECT_TRUE(play_.rows.rows[stage::Table::task_lists].empty());
}

TEST_F(FormerVersion, IsBroughtUpToDateWhileWorkGoesOn) {
  forget();
  play_.restart();
  forget();
  const std::string id = session_task_id("acme", "low", "stranger1");
  play_.command(id, full_command("comment", play_.rows.time));
  play_.restart();
  EXPECT_EQ(play_.rows.rows[stage::Table::task_lists].size(), play_.rows.rows[stage::Table::tasks].size());
  EXPECT_EQ(play_.rows.rows[stage::Table::task_lists].count(list_key(play_.task(id))), 1u);
}

}  // namespace
}  // namespace echoloop::casework

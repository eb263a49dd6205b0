// Merging and splitting: evidence follows, and ends together.
#include <gtest/gtest.h>

#include "tests/processors/casework_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::casework {
namespace {

class Merging : public testing::Test {
 protected:
  CaseworkPlay play_{stages::loaded(stages::ruled_house())};
  std::string a_ = play_.open("improvement", "a"), b_ = play_.open("improvement", "b");

  state::CommandResult merge(const std::string& from, const std::string& into) {
    TaskCommand command;
    command.command = "merge";
    command.into = into;
    return play_.command(from, command);
  }
  void obey(const std::string& task, const char* name) {
    const auto answer = play_.command(task, full_command(name, play_.rows.time));
    ASSERT_EQ(answer.status(), 200) << name << ": " << answer.detail();
  }
};

TEST_F(Merging, EvidenceCountsForTheOtherTaskAsItGrowsAndShrinks) {
  play_.find("a", 0, 4);
  play_.find("b", 0, 7);
  ASSERT_EQ(merge(a_, b_).status(), 200);
  EXPECT_EQ(play_.task(a_).count(), 4);
  EXPECT_EQ(play_.task(b_).count(), 11);
  EXPECT_EQ(play_.task(b_).sample_size(), 6) << "three of each";
  play_.find("a", 1, 5);
  play_.find("b", 0, 6);
  EXPECT_EQ(play_.task(b_).count(), 15);
  play_.find("a", 0, 2);
  EXPECT_EQ(play_.task(b_).count(), 13);
  EXPECT_EQ(play_.task(a_).clock().waits_for(), "");
  EXPECT_EQ(play_.task(a_).clock().timer(), 0) << "its clock stands still";
  EXPECT_EQ(play_.task(a_).state(), "opened");
}

TEST_F(Merging, WhatIsMergedEndsWithTheOther) {
  const std::string c = play_.open("recovery", "c"), d = play_.open("recovery", "d");
  ASSERT_EQ(merge(c, d).status(), 200);
  for (const char* name : {"accept", "start", "done", "tell_customer", "close"}) obey(d, name);
  EXPECT_EQ(play_.task(c).state(), "closed");
  EXPECT_TRUE(play_.task(c).has_told());
  obey(c, "reopen");
  EXPECT_EQ(play_.task(c).state(), "opened");
  EXPECT_EQ(play_.task(c).merged_into(), "");
  EXPECT_EQ(play_.task(d).count(), 1) << "its evidence counts for itself again";
  EXPECT_EQ(play_.task(d).sample_size(), 1) << "and so does its session";
  EXPECT_EQ(play_.task(c).clock().waits_for(), "acknowledge");
}

TEST_F(Merging, RefusesWhatMakesNoSense) {
  const std::string recovery = play_.open("recovery", "r"), c = play_.open("improvement", "c");
  EXPECT_EQ(merge(a_, a_).detail(), "a task cannot be merged into itself");
  EXPECT_EQ(merge(a_, "nothing").detail(), "there is no task 'nothing'");
  EXPECT_EQ(merge(a_, recovery).status(), 422);
  EXPECT_EQ(merge(recovery, play_.open("recovery", "stranger")).status(), 422) << "another customer must be told too";
  ASSERT_EQ(merge(a_, b_).status(), 200);
  EXPECT_EQ(merge(a_, c).detail(), "it is merged into task '" + b_ + "' already");
  EXPECT_EQ(merge(b_, c).detail(), "other tasks are merged into it");
  EXPECT_EQ(merge(c, a_).detail(), "task '" + a_ + "' is itself merged into task '" + b_ + "'");
  play_.find("b", 0, 0);
  EXPECT_EQ(play_.task(b_).state(), "opened") << "the evidence of the merged task is left";
  play_.find("a", 0, 0);
  play_.find("b", 1, 1);
  play_.find("b", 1, 0);
  ASSERT_EQ(play_.task(b_).state(), "cancelled");
  EXPECT_EQ(merge(c, b_).detail(), "task '" + b_ + "' is cancelled");
}

TEST_F(Merging, SessionsOfTheSampleGetATaskOfTheirOwn) {
  play_.find("a", 0, 3);
  obey(a_, "accept");
  TaskCommand command;
  command.command = "split";
  const std::string first = play_.task(a_).sample(0), second = play_.task(a_).sample(2);
  command.sessions = {first, "stranger"};
  EXPECT_EQ(play_.command(a_, command).detail(), "session 'stranger' is none of its sample");
  command.sessions = {first, second, first};
  ASSERT_EQ(play_.command(a_, command).status(), 200);
  const state::Task old = play_.task(a_);
  const std::string made = old.history(old.history_size() - 1).detail();
  const state::Task split = play_.task(made);
  EXPECT_EQ(split.split_from(), a_);
  EXPECT_EQ(split.count(), 2);
  EXPECT_EQ(split.state(), "opened");
  EXPECT_EQ(split.department(), old.department());
  EXPECT_EQ(old.state(), "accepted");
  EXPECT_EQ(old.count(), 3) << "the numbers of the cause stay what they are";
  EXPECT_EQ(play_.command(a_, command).detail(), "that is task '" + made + "' already");
}

}  // namespace
}  // namespace echoloop::casework

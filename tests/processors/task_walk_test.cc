// A long random walk over tasks: whatever people, evidence and time do, in whatever order, what must always hold holds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "processors/casework/clocks.h"
#include "processors/casework/lifecycle.h"
#include "processors/casework/task_lists.h"
#include "tests/processors/casework_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::casework {
namespace {

constexpr const char* kVerdicts[] = {"improved", "no_evidence", "worse", "not_enough_data"};

// What the walk itself knows of a task.
struct Known {
  std::string kind, name, id;
  std::map<int, std::int64_t> windows;  // of an improvement: day → evidence
  bool holds = true;                    // of a session
  std::int64_t evidence() const {
    if (kind != "improvement") return holds ? 1 : 0;
    std::int64_t sum = 0;
    for (const auto& [day, n] : windows) sum += n;
    return sum;
  }
};

void expect_sound(const state::Task& task) {
  ASSERT_FALSE(task.department().empty());
  const bool live = !is_end(task.state());
  EXPECT_EQ(task.ended_at() == 0, live);
  // Owner and clock.
  if (live && task.merged_into().empty()) {
    EXPECT_FALSE(waits_for(task).empty());
    EXPECT_GT(task.clock().by(), 0);
    const bool by_itself = task.state() == task_state::kVerifying;
    EXPECT_TRUE(by_itself || task.clock().timer() > 0) << task.state();
  }
  if (!live) {
    EXPECT_EQ(task.clock().timer(), 0);
  }
  // Nobody closes what the customer was not told.
  if (task.state() == task_state::kClosed && (task.kind() == "recovery" || task.kind() == "safety")) {
    EXPECT_TRUE(task.has_told());
  }
  EXPECT_EQ(task.has_hold(), task.state() == task_state::kOnHold);
  // Times per department add up.
  std::int64_t sum = 0;
  for (int i = 0; i < task.holdings_size(); ++i) {
    const state::Holding& one = task.holdings(i);
    const bool last = i + 1 == task.holdings_size();
    EXPECT_EQ(one.to() == 0, last && live);
    if (one.to() != 0) {
      EXPECT_GE(one.to(), one.from());
      EXPECT_LE(one.on_hold_ms(), one.to() - one.from());
      sum += one.to() - one.from();
    }
    if (!last) {
      EXPECT_LE(one.to(), task.holdings(i + 1).from());
    }
  }
  if (task.holdings_size() > 0) {
    EXPECT_EQ(task.holdings(0).from(), task.opened_at());
    std::int64_t alive = (live ? task.holdings(task.holdings_size() - 1).from() : task.ended_at()) - task.opened_at();
    for (int i = 0; i + 1 < task.holdings_size(); ++i) alive -= task.holdings(i + 1).from() - task.holdings(i).to();
    EXPECT_EQ(sum, alive);
  }
}

// It stands on the list of what it is, and on no other.
void expect_listed(CaseworkPlay& play, const state::Task& task) {
  auto& lists = play.rows.rows[stage::Table::task_lists];
  EXPECT_EQ(lists.size(), play.rows.rows[stage::Table::tasks].size());
  EXPECT_EQ(lists.count(list_key(task)), 1u) << task.state();
  EXPECT_EQ(task.overdue(), is_overdue(task, play.rows.time + Duration{1})) << task.state();
}

void expect_all(CaseworkPlay& play, const std::vector<Known>& some) {
  for (const Known& each : some) {
    const state::Task task = play.task(each.id);
    expect_sound(task);
    expect_listed(play, task);
    std::int64_t merged = 0;
    for (const std::string& id : task.merged()) merged += play.task(id).count();
    EXPECT_EQ(task.merged_count(), merged);
    if (each.kind != "praise") {
      EXPECT_EQ(task.count(), each.evidence() + merged) << each.name;
    }
    if (testing::Test::HasFailure()) std::printf("%s\n", task.ShortDebugString().c_str());
  }
}

// ECHOLOOP_STEPS and ECHOLOOP_SEED: another length, another walk.
TEST(TaskWalk, WhatMustAlwaysHoldHolds) {
  const char* asked_steps = std::getenv("ECHOLOOP_STEPS");
  const char* asked_seed = std::getenv("ECHOLOOP_SEED");
  const long steps = asked_steps != nullptr ? std::atol(asked_steps) : ECHOLOOP_WALK_STEPS;
  const auto seed = asked_seed != nullptr ? std::strtoull(asked_seed, nullptr, 10) : 1;
  std::printf("seed %llu, %ld steps\n", seed, steps);
  std::mt19937_64 dice{seed};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(dice() % n); };
  const auto domain = stages::loaded(stages::ruled_house());
  long obeyed = 0, names = 0;
  std::map<std::string, long> seen;
  while (obeyed < steps && !testing::Test::HasFailure()) {
    // A small world at a time: rows stay few, and tasks meet often.
    CaseworkPlay play{domain};
    play.rows.keeps_told = false;
    std::vector<Known> known;
    for (int i = 0; i < 12; ++i) {
      Known one;
      one.kind = kKinds[below(std::size(kKinds))];
      one.name = one.kind + std::to_string(names++);
      one.id = play.open(one.kind, one.name);
      if (one.kind == "improvement") one.windows[0] = 1;
      known.push_back(std::move(one));
    }
    for (int step = 0; step < 400 && !testing::Test::HasFailure(); ++step) {
      Known& one = known[below(known.size())];
      const state::Task before = play.task(one.id);
      if (below(6) == 0) {
        play.pass(Duration{static_cast<std::int64_t>(below(3 * kDay_ms))});
      } else if (below(6) == 0 && one.kind == "improvement") {
        const int day = static_cast<int>(below(4));
        const auto evidence = static_cast<std::int64_t>(below(6));
        // After any other end a new window would open another task.
        const bool new_window = evidence > 0 && !one.windows.contains(day);
        if (!is_end(before.state()) || before.state() == task_state::kCancelled || !new_window) {
          play.find(one.name, day, evidence);
          one.windows.erase(day);
          if (evidence > 0) one.windows[day] = evidence;
        }
      } else if (below(6) == 0 && (one.kind == "recovery" || one.kind == "safety")) {
        one.holds = !one.holds;
        play.signal(one.kind, one.name, one.holds);
      } else if (before.state() == task_state::kVerifying ? below(3) == 0 : below(60) == 0) {
        // What was asked of an earlier life, or of a task that waits for something else, changes nothing.
        const std::string said = kVerdicts[below(std::size(kVerdicts))];
        const bool late = below(4) == 0;
        play.verdict(one.id, said, before.clock().from() - (late ? 1 : 0));
        const std::string leads_to = said == "improved"          ? "verified"
                                     : said == "not_enough_data" ? said
                                                                 : "not_improved";
        const bool counts = before.state() == task_state::kVerifying && !late;
        EXPECT_EQ(play.task(one.id).state(), counts ? leads_to : before.state()) << said;
      } else {
        TaskCommand command = full_command(kCommands[below(std::size(kCommands))], play.rows.time);
        const std::string into = known[below(known.size())].id;
        const std::string session = before.sample_size() > 0 ? before.sample(0) : "none";
        if (command.into) command.into = into;
        if (!command.sessions.empty()) command.sessions = {session};
        const std::vector<std::string> allowed = allowed_for(before);
        const bool may = std::find(allowed.begin(), allowed.end(), command.command) != allowed.end();
        const auto answer = play.command(one.id, command);
        EXPECT_EQ(answer.status() == 409, !may) << command.command << " in " << before.state();
        ++obeyed;
      }
      ++seen[play.task(one.id).state()];
      expect_all(play, step % 20 == 0 ? known : std::vector{one});
      if (testing::Test::HasFailure()) std::printf("after %ld commands\n", obeyed);
    }
  }
  // A short walk does not come everywhere: verdicts are far from where a task begins.
  if (steps < 200'000) return;
  for (std::string_view state : kTaskStates) EXPECT_GT(seen[std::string(state)], 0) << state << " was never reached";
}

}  // namespace
}  // namespace echoloop::casework

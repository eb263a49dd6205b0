// The life of a task, cell by cell, against a transcript of the public description of it; and its page.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "processors/casework/lifecycle.h"
#include "tests/processors/casework_play.h"
#include "tests/stages/configuration.h"

namespace echoloop::casework {
namespace {

// From the public description, row by row: states / commands / to / kinds. `=` is the same state, `back` where it was,
// `next` opened at the next department or, when nobody is left, rejected.
constexpr const char* kTranscript = R"(
opened / acknowledge / acknowledged / all
opened acknowledged / accept / accepted / all
opened acknowledged accepted / reject / next / all
accepted / start / in_progress / all
acknowledged accepted in_progress / hold / on_hold / all
on_hold / resume / back / all
in_progress / done / done / all
done / tell_customer / customer_told / all
customer_told / close / closed / recovery safety praise
not_improved not_enough_data / reopen / opened / improvement
not_improved not_enough_data / close / closed / improvement
closed verified / reopen / opened / all
opened acknowledged accepted in_progress on_hold done customer_told verifying not_improved not_enough_data / assign merge split comment / = / all
)";

constexpr const char* kStates[] = {"opened",       "acknowledged",    "accepted", "in_progress", "on_hold",
                                   "done",         "customer_told",   "closed",   "verifying",   "verified",
                                   "not_improved", "not_enough_data", "rejected", "cancelled"};

std::vector<std::string> words(const std::string& text) {
  std::istringstream in{text};
  return {std::istream_iterator<std::string>{in}, {}};
}

// (kind, state, command) → where it leads.
std::map<std::array<std::string, 3>, std::string> transcript() {
  std::map<std::array<std::string, 3>, std::string> out;
  std::istringstream lines{kTranscript};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    std::vector<std::string> cells;
    std::istringstream row{line};
    for (std::string cell; std::getline(row, cell, '/');) cells.push_back(cell);
    const auto kinds = words(cells.at(3));
    for (const std::string& kind :
         kinds.at(0) == "all" ? std::vector<std::string>{std::begin(kKinds), std::end(kKinds)} : kinds) {
      for (const std::string& state : words(cells[0]))
        for (const std::string& command : words(cells[1])) out[{kind, state, command}] = words(cells[2]).at(0);
    }
  }
  return out;
}

// States that kinds do not have.
bool exists(const std::string& kind, const std::string& state) {
  const std::set<std::string> only_improvement{"verifying", "verified", "not_improved", "not_enough_data", "cancelled"};
  return kind == "improvement" || !only_improvement.contains(state);
}

class EveryCell : public testing::TestWithParam<std::string> {
 protected:
  // A task that has come there by its own ways; what only time and numbers lead to is written into its row.
  static std::string in_state(CaseworkPlay& play, const std::string& kind, const std::string& state) {
    const std::string id = play.open(kind, "it");
    const std::map<std::string, std::vector<const char*>> way = {
        {"opened", {}},
        {"acknowledged", {"acknowledge"}},
        {"accepted", {"accept"}},
        {"in_progress", {"accept", "start"}},
        {"on_hold", {"accept", "hold"}},
        {"done", {"accept", "start", "done"}},
        {"customer_told", {"accept", "start", "done", "tell_customer"}},
        {"closed", {"accept", "start", "done", "tell_customer", "close"}}};
    auto found = way.find(state);
    if (found != way.end() && !(kind == "improvement" && state == "closed")) {
      for (const char* command : found->second) {
        const auto answer = play.command(id, full_command(command, play.rows.time));
        EXPECT_EQ(answer.status(), 200) << command << ": " << answer.detail();
      }
    } else {
      state::Task task = play.task(id);
      task.set_state(state);
      play.rows.put(stage::Table::tasks, task_key("acme", id), task.SerializeAsString());
    }
    EXPECT_EQ(play.task(id).state(), state);
    return id;
  }
};

TEST_P(EveryCell, LeadsWhereTheDescriptionSaysOrIsRefusedWithWhatIsAllowed) {
  const std::string kind = GetParam();
  const auto expected = transcript();
  const auto domain = stages::loaded(stages::ruled_house());
  for (const char* state : kStates) {
    if (!exists(kind, state)) continue;
    if (kind == "improvement" && state == task_state::kCustomerTold) {
      // By itself, before anything else can happen to it.
      CaseworkPlay play{domain};
      const std::string id = in_state(play, kind, state);
      play.pass(Duration{0});
      EXPECT_EQ(play.task(id).state(), "verifying");
      continue;
    }
    std::set<std::string> allowed;
    for (const char* command : kCommands) {
      if (expected.contains({kind, state, command})) allowed.insert(command);
    }
    for (const char* name : kCommands) {
      SCOPED_TRACE(kind + " " + state + " " + name);
      CaseworkPlay play{domain};
      const std::string id = in_state(play, kind, state);
      const state::Task before = play.task(id);
      TaskCommand command = full_command(name, play.rows.time);
      std::string other = play.open(kind, "another"), first = before.sample_size() > 0 ? before.sample(0) : "none";
      if (command.into) command.into = other;
      if (!command.sessions.empty()) command.sessions = {first};
      const auto answer = play.command(id, command);
      const state::Task after = play.task(id);
      auto cell = expected.find({kind, state, name});
      if (cell == expected.end()) {
        EXPECT_EQ(answer.status(), 409);
        EXPECT_EQ(std::set<std::string>(answer.allowed().begin(), answer.allowed().end()), allowed);
        EXPECT_EQ(after.SerializeAsString(), before.SerializeAsString());
        continue;
      }
      if (name == std::string("split") && kind != "improvement") {
        EXPECT_EQ(answer.status(), 422) << "one session cannot be split";
        continue;
      }
      ASSERT_EQ(answer.status(), 200) << answer.detail();
      if (cell->second == "=") {
        EXPECT_EQ(after.state(), state);
      } else if (cell->second == "back") {
        EXPECT_EQ(after.state(), "accepted");
      } else if (cell->second == "next") {
        EXPECT_EQ(after.state(), after.department() == before.department() ? "rejected" : "opened");
      } else {
        EXPECT_EQ(after.state(), cell->second);
      }
      EXPECT_EQ(after.history_size(), before.history_size() + 1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, EveryCell,
                         testing::ValuesIn(std::vector<std::string>{std::begin(kKinds), std::end(kKinds)}),
                         [](const auto& kind) { return kind.param; });

TEST(Lifecycle, NobodyWaitsForACommandAtAnEndAndEverybodyKnowsTheStates) {
  EXPECT_EQ(std::set<std::string>(std::begin(kStates), std::end(kStates)),
            std::set<std::string>(std::begin(kTaskStates), std::end(kTaskStates)));
}

// ECHOLOOP_UPDATE=1 writes it.
TEST(Lifecycle, ItsPageIsMadeFromTheTable) {
  const std::string file = std::string{ECHOLOOP_SOURCE_DIR} + "/docs/lifecycle.md";
  std::ifstream in{file};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  const std::string begin = "<!-- from the table of processors/casework/lifecycle.cc -->\n", end = "<!-- so far -->\n";
  const std::size_t from = text.find(begin), to = text.find(end);
  ASSERT_TRUE(from != std::string::npos && to != std::string::npos);
  const std::string wanted = text.substr(0, from + begin.size()) + lifecycle_page() + text.substr(to);
  if (std::getenv("ECHOLOOP_UPDATE") != nullptr) std::ofstream{file} << wanted;
  EXPECT_EQ(text, wanted);
}

}  // namespace
}  // namespace echoloop::casework

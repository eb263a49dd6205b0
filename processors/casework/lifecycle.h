// The life of a task as one table: which command is allowed in which state for which kinds of tasks, where it leads,
// what it does to the clock, and what happens by itself. docs/lifecycle.md is made from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/state.pb.h"

namespace echoloop::casework {

// States of a task as they are written everywhere.
namespace task_state {
inline constexpr std::string_view kOpened = "opened", kAcknowledged = "acknowledged", kAccepted = "accepted",
                                  kInProgress = "in_progress", kOnHold = "on_hold", kDone = "done",
                                  kCustomerTold = "customer_told", kVerifying = "verifying", kVerified = "verified",
                                  kNotImproved = "not_improved", kNotEnoughData = "not_enough_data", kClosed = "closed",
                                  kRejected = "rejected", kCancelled = "cancelled";
}

// In the order of a life.
inline constexpr std::string_view kTaskStates[] = {
    task_state::kOpened,      task_state::kAcknowledged,  task_state::kAccepted,     task_state::kInProgress,
    task_state::kOnHold,      task_state::kDone,          task_state::kCustomerTold, task_state::kVerifying,
    task_state::kNotImproved, task_state::kNotEnoughData, task_state::kVerified,     task_state::kClosed,
    task_state::kRejected,    task_state::kCancelled};

// Which tasks a row is for.
enum class Kinds : std::uint8_t { all, improvement, not_improvement };
bool is_for(Kinds kinds, std::string_view kind);

// What a row does to the task's clock (clocks.h).
enum class ClockEffect : std::uint8_t {
  none,
  go_on,   // the same deadline
  start,   // of the state that it leads to
  stop,    // working time that is left is kept
  resume,  // and runs again
  end,
};

struct Transition {
  std::string_view from;
  std::string_view command;  // in brackets: what happens by itself
  std::string_view to;       // empty: the same state
  Kinds kinds = Kinds::all;
  ClockEffect clock = ClockEffect::none;
};

// To where it was; to the next department's `opened`, or to `rejected` when nobody is left. See commands.cc.
inline constexpr std::string_view kWhereItWas = "(where it was)";

std::span<const Transition> transitions();
// Commands allowed for the task as it is, in the order of the table.
std::vector<std::string> allowed_for(const state::Task& task);
// The row of that command; none: not allowed.
const Transition* transition_of(const state::Task& task, std::string_view command);

// States in which nothing is left to do; only `reopen`, or the cause itself, leads out of some.
bool is_end(std::string_view state);
// An improvement task in these states falls away when corrections take all its evidence.
bool can_be_cancelled(std::string_view state);
// Ends out of which the cause leads when it returns in time.
bool can_be_reopened(std::string_view state);

// The table and a diagram as Markdown.
std::string lifecycle_page();

}  // namespace echoloop::casework

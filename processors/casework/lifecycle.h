// The life of a task as one table: which command is allowed in which state, and where it leads.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace echoloop::casework {

// States of a task as they are written everywhere.
namespace task_state {
inline constexpr std::string_view kOpened = "opened", kAcknowledged = "acknowledged", kAccepted = "accepted",
                                  kInProgress = "in_progress", kDone = "done", kRejected = "rejected",
                                  kCancelled = "cancelled";
}

struct Transition {
  std::string_view from;
  std::string_view command;
  std::string_view to;  // empty: the same state
};

std::span<const Transition> transitions();
// Commands allowed in a state, in the order of the table.
std::vector<std::string> allowed_in(std::string_view state);
// The state a command leads to; none: not allowed. What `reject` leads to also depends on who is next (commands.cc).
std::optional<std::string_view> next_state(std::string_view state, std::string_view command);

// States that nobody leaves by command.
bool is_end(std::string_view state);
// An improvement task in these states falls away when corrections take all its evidence.
bool can_be_cancelled(std::string_view state);

}  // namespace echoloop::casework

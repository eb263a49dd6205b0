#include "processors/casework/lifecycle.h"

namespace echoloop::casework {
namespace {

using namespace task_state;

constexpr Transition kTransitions[] = {
    {kOpened, "acknowledge", kAcknowledged},
    {kOpened, "accept", kAccepted},
    {kOpened, "reject", kOpened},
    {kOpened, "assign", ""},
    {kOpened, "comment", ""},
    {kAcknowledged, "accept", kAccepted},
    {kAcknowledged, "reject", kOpened},
    {kAcknowledged, "assign", ""},
    {kAcknowledged, "comment", ""},
    {kAccepted, "reject", kOpened},
    {kAccepted, "start", kInProgress},
    {kAccepted, "assign", ""},
    {kAccepted, "comment", ""},
    {kInProgress, "done", kDone},
    {kInProgress, "assign", ""},
    {kInProgress, "comment", ""},
    {kDone, "assign", ""},
    {kDone, "comment", ""},
};

}  // namespace

std::span<const Transition> transitions() { return kTransitions; }

std::vector<std::string> allowed_in(std::string_view state) {
  std::vector<std::string> out;
  for (const Transition& t : kTransitions) {
    if (t.from == state) out.emplace_back(t.command);
  }
  return out;
}

std::optional<std::string_view> next_state(std::string_view state, std::string_view command) {
  for (const Transition& t : kTransitions) {
    if (t.from == state && t.command == command) return t.to.empty() ? state : t.to;
  }
  return std::nullopt;
}

bool is_end(std::string_view state) { return state == kRejected || state == kCancelled; }

bool can_be_cancelled(std::string_view state) {
  return state == kOpened || state == kAcknowledged || state == kAccepted || state == kInProgress || state == kDone;
}

}  // namespace echoloop::casework

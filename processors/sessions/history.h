// A session's history: how each kind of event enters the row. Every rule here is order-free: the row after a set of
// events does not depend on the order they came in (docs/aggregates.md, "From events to one session"). Pure functions
// on the row.
#pragma once

#include <cstdint>

#include "schemas/event.h"
#include "schemas/state.pb.h"

namespace echoloop::sessions {

// Enters one event, which the row has not seen yet. `at` stands in for the event's time where it has none.
void enter(state::Session& row, const Event& event, Time at);

// Whether the row has this source + id, and if so whether it came with the same content.
enum class Seen { no, same, different };
// What a row keeps of an event to know it again.
struct Guard {
  Guard(const Event& event, std::string_view text);
  std::string id, content;
};
Seen seen(const state::Session& row, const Guard& guard);
// `known`: as seen() said before the event was entered.
void remember(state::Session& row, const Guard& guard, Seen known, std::int64_t offset);

bool withdrawn(const state::Session& row, std::string_view evaluation_id);

// The evaluations that stand, one per survey, sorted by survey. Pointers into the row.
std::vector<const state::Evaluation*> standing(const state::Session& row);

}  // namespace echoloop::sessions

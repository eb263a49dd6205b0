// A session's history: how each kind of event enters the row. Every rule here is order-free: the row after a set of
// events does not depend on the order they came in (docs/aggregates.md, "From events to one session"). Pure functions
// on the row; what it keeps is copied into the arena that the row lives in.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "schemas/event.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// Enters one event, which the row has not seen yet. `at` stands in for the event's time where it has none.
void enter(state::Session& row, const Event& event, Time at, Arena& arena);

// Whether the row has this source + id, and if so whether it came with the same content.
enum class Seen { no, same, different };
// What a row keeps of an event to know it again.
struct Guard {
  Guard(const Event& event, std::string_view text);
  std::array<char, 16> id;
  std::array<char, 8> content;
};
Seen seen(const state::Session& row, const Guard& guard);
// `known`: as seen() said before the event was entered.
void remember(state::Session& row, const Guard& guard, Seen known, std::int64_t offset, Arena& arena);

bool withdrawn(const state::Session& row, std::string_view evaluation_id);

// The evaluations that stand, one per survey, sorted by survey. Pointers into the row.
std::vector<const state::Evaluation*> standing(const state::Session& row);
void standing(const state::Session& row, std::vector<const state::Evaluation*>& out);  // replaces what `out` holds

}  // namespace echoloop::sessions

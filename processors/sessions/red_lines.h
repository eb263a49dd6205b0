// Red lines: one event on personal or property safety calls for a task at once, without waiting for the join. F26.
#pragma once

#include <map>
#include <string>

#include "pipeline/stage/processor.h"
#include "processors/sessions/facts.h"
#include "schemas/domain.h"
#include "schemas/event.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// Looks at one event that has just entered the row; remembers what it found in the row and signals each red line once
// per session. A withdrawal of every evaluation that crossed it signals that it no longer holds.
void watch_red_lines(const Event& event, Time at, const Domain& domain, Normaliser& normaliser, state::Session& row,
                     Arena& arena, stage::Context& context);

// By the close; empty while it is not known.
state::Text customer_of(const state::Session& row);
// Another customer than before: the tasks that the session has are about them.
void tell_customer(const Event& event, const state::Session& row, stage::Context& context);

// What routing may ask of a session, from its close as far as known.
std::map<std::string, std::string> routing_properties(const state::Session& row);

}  // namespace echoloop::sessions

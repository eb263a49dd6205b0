// Rules on stored history, without effect: the tasks that they would have opened, from the cube and the sessions as
// they are now. What it finds is what a live run of the same rules over the same events ends with: each cause whose
// final numbers satisfy a rule, with its final count; each session that a recovery rule holds for. Read only.
#pragma once

#include <functional>
#include <optional>

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

struct TrySpan {
  std::optional<std::string> tenant;  // none: all that have numbers
  // Windows that begin, sessions that closed in [from, to), in the tenant's zone where they are dates; empty:
  // unbounded.
  std::string from, to;
};

// Hands on each task as it would stand: opened, routed by the routing of `now`, with count, windows and tier, and in
// `verification` how its numbers went on after its last window, where there are weeks enough. By tenant, rule, scope.
// Errors: bad_input (the span), world.
Result<void> try_rules(const TrySpan& span, const Sources& sources, const Domain& domain, Time now,
                       const std::function<void(const state::Task&)>& use);

}  // namespace echoloop::serving

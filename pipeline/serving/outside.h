// What the outside observed (echoloop.outcome.observed.v1) in the weeks that a verification compares: returns of a
// warehouse, parcels late, contracts cancelled. It stands beside the verdict and does not change it.
#pragma once

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// Fills `out.outside` with the outcome of that name: of each week of the two sides the sum of its numerators over that
// of its denominators. Observations count that say nothing of the task's scope, or say the same. Error: rows that
// cannot be read.
Result<void> add_outside(const std::string& name, const state::Task& task, const Sources& sources, const Domain& domain,
                         state::Verification& out);

}  // namespace echoloop::serving

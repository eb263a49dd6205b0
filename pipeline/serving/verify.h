// Verified closure: whether the numbers behind an improvement task changed more after the action than they changed
// elsewhere in the same tenant. docs/verification.md says how. Read only; safe from any thread.
#pragma once

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// The verdict on a task under verification, from the rows as they are now.
Result<state::Verification> verify(const state::Task& task, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving

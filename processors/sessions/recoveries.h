// Recovery rules: one customer to win back, found in the final state of one closed session. F31.
#pragma once

#include <string_view>

#include "pipeline/stage/processor.h"
#include "schemas/domain.h"
#include "schemas/session.h"

namespace echoloop::sessions {

// Whether the rule holds for a session that counts.
bool recovery_holds(const RecoveryRule& rule, std::string_view tenant, const state::Facts& facts);

// Compares the rules that hold now with those that held (row.recoveries) and signals each change.
void watch_recoveries(std::string_view tenant, std::string_view session_id, const state::Facts& facts,
                      const Domain& domain, state::Session& row, Arena& arena, stage::Context& context);

}  // namespace echoloop::sessions

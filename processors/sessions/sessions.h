// SESSIONS, the first stage: one row per (tenant, session). Reads topic events; dedupes, joins in any order, keeps what
// became of every event, and passes on deltas of the aggregates (to INSIGHT), signals of single sessions and commands
// (to CASEWORK).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/stage/processor.h"
#include "schemas/current_domain.h"

namespace echoloop::sessions {

stage::StageSpec sessions_stage(std::shared_ptr<const CurrentDomain> domain);

// Whether every session of the shard obeys the counting rules of this configuration: false from a change of them until
// the recount is over. Error (world): the row cannot be read.
Result<bool> recount_done(const stage::View& rows, int shard, const Domain& domain);

// Keys of the tables that others read.
std::string session_key(std::string_view tenant, std::string_view session_id);
// Newest first.
std::string feedback_key(std::string_view tenant, std::int64_t submitted_at_ms, std::string_view session_id);

}  // namespace echoloop::sessions

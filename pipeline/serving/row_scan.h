// Where the rows of an answer come from: cells of the cube where a dimension set keeps them ready, else sessions. Both
// are handed on cell by cell with the row that each belongs to. Read only; safe from any thread.
#pragma once

#include <absl/functional/function_ref.h>

#include <optional>
#include <string>
#include <vector>

#include "pipeline/serving/metric_query.h"
#include "schemas/session.h"

namespace echoloop::serving {

// Dimensions that the rows must tell apart: those grouped by, then those filtered by.
std::vector<std::string> needed_dimensions(const MetricQuery& query);

// The stored set with exactly these dimensions, in its own order; null: none keeps them ready.
const DimensionSet* stored_set(const std::vector<std::string>& dimensions, const Domain& domain);

// Given every cell in the query's time that its filters let through, several for one row; answers whether to go on.
using UseCell = absl::FunctionRef<bool(MetricKey row, const aggregates::Measures& cell)>;

Result<void> scan_cells(const MetricQuery& query, const DimensionSet& set, const Sources& sources, UseCell use);

// What of a session counts; it may take away from the session in place.
using FactsOf = const state::Facts& (*)(state::Session& session);
inline const state::Facts& all_facts(state::Session& session) { return session.facts; }

// The cells of one session come one behind the other.
using UseSessionCell =
    absl::FunctionRef<bool(std::string_view session_id, MetricKey row, const aggregates::Measures& cell)>;

// Answers false, early, when the tenant has more than kComputedSessions_max sessions.
Result<bool> scan_sessions(const MetricQuery& query, const std::vector<std::string>& set, const Sources& sources,
                           FactsOf facts_of, UseSessionCell use);
// What to say then.
tl::unexpected<Error> too_many_sessions(const std::vector<std::string>& dimensions, const Domain& domain);

}  // namespace echoloop::serving

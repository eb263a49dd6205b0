// Filters that allow several values of a dimension of which one session may have several (tags, surveys …). Its cells
// overlap: added up, a session with two of the values would count twice. Folding makes the allowed values one value, so
// that such a session counts once. Pure.
#pragma once

#include "pipeline/serving/metric_query.h"
#include "schemas/session.h"

namespace echoloop::serving {

// Whether cells that the query's filters let through may belong to one session and one row.
bool may_overlap(const MetricQuery& query);

// Writes one of the allowed values, "unknown" where that is allowed, in place of all of them. The filters let the same
// sessions through as before.
void fold(const MetricQuery& query, state::Facts& facts);

}  // namespace echoloop::serving

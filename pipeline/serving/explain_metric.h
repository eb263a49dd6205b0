// The sessions behind a metric's value (F39): each with what it adds to numerator and n, which together are the
// value's. Read only; safe from any thread.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/serving/metric_query.h"

namespace echoloop::serving {

struct MetricPart {
  std::string order;  // newest bucket first, then by session; unique
  std::string session_id;
  Time bucket{};
  aggregates::Measures adds;
};

// A session behind one row of an answer.
struct RowPart {
  std::string session_id;
  Time bucket{};
  aggregates::Ratio adds;
};
using RowParts = std::map<MetricKey, std::vector<RowPart>>;

// Every session behind every row of a query that may group and have an interval: newest bucket first, then by session.
// Error (bad_input): the tenant has more sessions than kComputedSessions_max.
Result<RowParts> parts_of_rows(const MetricQuery& query, const Sources& sources, const Domain& domain);

struct MetricParts {
  aggregates::Measures sum;       // of all sessions, those that are left out too
  std::vector<MetricPart> parts;  // by order, behind `after`, at most `limit`
  bool more = false;
};

// The query's filters and times choose the sessions; it groups by nothing. Sessions that add nothing to numerator and n
// are left out. Error (bad_input): the tenant has more sessions than may be looked at.
Result<MetricParts> parts_of_metric(const MetricQuery& query, const std::optional<std::string>& after,
                                    std::size_t limit, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving

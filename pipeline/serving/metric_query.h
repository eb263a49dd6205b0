// Metric values: from the rows of the cube, or from sessions for combinations that no dimension set keeps ready.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipeline/aggregates/measures.h"
#include "pipeline/aggregates/metric.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/sources.h"

namespace echoloop::serving {

struct MetricQuery {
  const aggregates::MetricSpec* metric = nullptr;
  std::string tenant;
  std::optional<Time> from, to;  // half open, whole hours of the tenant's zone; none: unbounded
  Interval interval = Interval::all;
  std::vector<std::string> group_by;
  Filters filters;
  TimeZone zone;
  std::vector<std::string> warnings;  // where it asks for what buckets cannot tell
};

Result<MetricQuery> read_metric_query(const std::string& name, const http::Query& query, const Domain& domain);

// One row of an answer: a period and the values grouped by.
struct MetricKey {
  Time period{};
  std::vector<std::string> group;
  friend auto operator<=>(const MetricKey&, const MetricKey&) = default;
};
using MetricRows = std::map<MetricKey, aggregates::Measures>;

// Sessions that a computed combination may look at; more is a 400 that names the stored sets.
inline constexpr std::size_t kComputedSessions_max = 200'000;

// Those of the dimensions asked for of which some values are counted under `other`.
Result<std::vector<std::string>> mixed_dimensions(const MetricQuery& query, const Sources& sources,
                                                  const Domain& domain);

// Rows without a session of the metric's own kind are left out.
Result<MetricRows> collect(const MetricQuery& query, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving

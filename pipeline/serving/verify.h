// Verified closure: whether the numbers behind an improvement task changed more after the action than they changed
// elsewhere in the same tenant. docs/verification.md says how. Read only; safe from any thread.
#pragma once

#include <map>
#include <string>

#include "pipeline/aggregates/metric.h"
#include "pipeline/serving/metric_query.h"
#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// What a rule looks at, by scope and by day of the tenant's zone: for verdicts on many tasks of it.
struct RuleDays {
  using Ratios = std::map<MetricKey, aggregates::Ratio>;
  Ratios scopes;
  Ratios all;  // of the tenant, where the metric is a count
};
Result<RuleDays> read_days(const ThresholdRule& rule, const std::string& tenant, const Sources& sources,
                           const Domain& domain);

// The verdict on a task under verification, from the rows as they are now; or as they were when `days` of its rule were
// read.
Result<state::Verification> verify(const state::Task& task, const Sources& sources, const Domain& domain,
                                   const RuleDays* days = nullptr);

}  // namespace echoloop::serving

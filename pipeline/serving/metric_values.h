// What every answer about values of a metric says besides its rows. Read only; safe from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/serving/metric_query.h"

namespace echoloop::serving {

// Null: not in the dictionary, or echoloop does not compute it.
const Metric* find_definition(const std::string& name, const Domain& domain);
http::Response no_such_metric(const std::string& name);

// Stage time that the rows of this tenant's totals have seen; null: there are none.
Result<nlohmann::ordered_json> as_of(const std::string& tenant, const Sources& sources);

// metric, definition, tenant, as_of, timezone and warnings; rows follow.
Result<nlohmann::ordered_json> values_head(const MetricQuery& query, const Metric& definition, const Sources& sources,
                                           const Domain& domain);

}  // namespace echoloop::serving

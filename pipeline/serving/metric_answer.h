// The JSON and CSV of metric values: every rate with its numerator, n, interval, coverage and bounds; never a bare
// number.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "pipeline/serving/metric_query.h"

namespace echoloop::serving {

// One row as contract.md has it. `definition` gives the least n below which value and interval are withheld.
nlohmann::ordered_json metric_row(const MetricQuery& query, const Metric& definition, const MetricKey& key,
                                  const aggregates::Measures& measures);

// A numerator as rows show it: scores in their own unit, not in thousandths.
nlohmann::ordered_json numerator_json(const aggregates::MetricSpec& metric, std::int64_t numerator);

nlohmann::ordered_json definition_json(const Metric& metric);

// RFC 4180, a header row; each row names its metric and the version of its definition and holds the same numbers as the
// JSON.
std::string metric_csv(const MetricQuery& query, const Metric& definition, const MetricRows& rows);

}  // namespace echoloop::serving

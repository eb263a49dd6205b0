// The numbers that a threshold rule looks at, read from the cube as it is now. Read only; safe from any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipeline/serving/sources.h"

namespace echoloop::serving {

// Of one window of one scope: from, to, numerator, n, value, interval, the usual level where the rule compares with it,
// the tier that is reached, and the sessions that count for the task.
Result<nlohmann::ordered_json> window_now(const ThresholdRule& rule, const std::string& tenant,
                                          const std::vector<std::string>& scope, Time start, const Sources& sources,
                                          const Domain& domain);

// A bound as rules.yaml writes it: rates and excesses as ratios, counts as counts.
nlohmann::ordered_json bound_json(std::int64_t bound_ppm);
// What a usual level is, from the earlier windows together; null: the rule has none.
nlohmann::ordered_json usual_json(std::int64_t periods, std::int64_t windows_found, std::int64_t numerator,
                                  std::int64_t n, bool counts);

}  // namespace echoloop::serving

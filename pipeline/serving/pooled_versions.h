// A survey whose questions changed got a new version; an answer that adds up versions says so.
#pragma once

#include <string>
#include <vector>

#include "pipeline/serving/metric_query.h"

namespace echoloop::serving {

// Surveys of which some row of the answer pools more than one version, among the answers that the metric rests on:
// scores of its kind, or customers' resolutions. Answers without a version are of no version. Where the tenant has more
// sessions than may be looked at, a survey whose versions might be pooled is named too.
Result<std::vector<std::string>> pooled_surveys(const MetricQuery& query, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving

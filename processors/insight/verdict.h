// A rule's verdict on one window of one scope, as a finding for CASEWORK. Rows of table findings: `w` the finding sent
// last, `t` the tier state of (rule, scope).
#pragma once

#include "pipeline/stage/processor.h"
#include "processors/insight/evidence.h"
#include "processors/insight/threshold.h"
#include "processors/insight/window_sums.h"

namespace echoloop::insight {

// What a verdict is about.
struct Watched {
  const std::string& tenant;
  const ThresholdRule& rule;
  const TimeZone& zone;  // the tenant's
  std::int64_t start_ms;
  const Scope& scope;
};

// Compares with the finding sent last and sends what is new.
void conclude(const Watched& cell, const Observation& seen, Evidence& evidence, stage::Context& context);

}  // namespace echoloop::insight

// Threshold rules on windows: which tier does a value reach? Integers only, so that every machine and every order of
// arrival agrees. F25.
#pragma once

#include <cstdint>
#include <vector>

#include "pipeline/aggregates/metric.h"
#include "schemas/domain.h"

namespace echoloop::insight {

// What a rule compares: the window's own ratio and, for rules over the usual level, the sums of the earlier windows.
struct Observation {
  aggregates::Ratio now;
  aggregates::Ratio usual;      // sums over the earlier windows
  int usual_windows_found = 0;  // of rule.usual_periods, those with any row
};

// Whether the rule looks at that scope, one value for each dimension of its group_by.
bool watches(const ThresholdRule& rule, const std::string& tenant, const std::vector<std::string>& scope);

// Highest tier reached, from 1; 0: none, or n below the rule's minimum.
int level_of(const ThresholdRule& rule, const Observation& seen);
// Tiers that stay fired at this value: it is not yet below their bound less the hysteresis.
int held_level_of(const ThresholdRule& rule, const Observation& seen);

// Sessions that count for the task.
std::int64_t evidence_of(const ThresholdRule& rule, const aggregates::Ratio& ratio);

// Starts of the earlier windows that make up the usual level of the window at `start`, and of the later ones whose
// usual level it is part of.
std::vector<Time> earlier_windows(const ThresholdRule& rule, const TimeZone& zone, Time start);
std::vector<Time> later_windows(const ThresholdRule& rule, const TimeZone& zone, Time start);

}  // namespace echoloop::insight

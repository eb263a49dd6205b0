#include "processors/insight/threshold.h"

namespace echoloop::insight {
namespace {

using Wide = __int128;  // products of counts and parts per million exceed 64 bits
constexpr Wide kMillion = 1'000'000;

bool is_count(const ThresholdRule& rule) {
  const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
  return metric != nullptr && metric->shape == aggregates::MetricShape::count;
}

// Does the value reach `bound_ppm`? At the bound counts.
bool reaches(const ThresholdRule& rule, const Observation& seen, std::int64_t bound_ppm) {
  const auto& [numerator, n] = seen.now;
  if (rule.usual_periods) {
    if (seen.usual_windows_found == 0) return false;
    Wide factor = rule.below ? kMillion - bound_ppm : kMillion + bound_ppm;
    Wide now =
        is_count(rule) ? Wide{numerator} * *rule.usual_periods * kMillion : Wide{numerator} * seen.usual.n * kMillion;
    Wide usual = is_count(rule) ? Wide{seen.usual.numerator} * factor : Wide{seen.usual.numerator} * n * factor;
    if (!is_count(rule) && seen.usual.n == 0) return false;
    return rule.below ? now <= usual : now >= usual;
  }
  Wide value = Wide{numerator} * kMillion;
  Wide bound = is_count(rule) ? Wide{bound_ppm} : Wide{bound_ppm} * n;
  return rule.below ? value <= bound : value >= bound;
}

int highest(const ThresholdRule& rule, const Observation& seen, std::int64_t slack_ppm) {
  if (seen.now.n < rule.minimum_n || seen.now.n <= 0) return 0;
  int level = 0;
  for (std::size_t i = 0; i < rule.tiers.size(); ++i) {
    std::int64_t bound = rule.tiers[i].bound_ppm + (rule.below && !rule.usual_periods ? slack_ppm : -slack_ppm);
    if (reaches(rule, seen, bound)) level = static_cast<int>(i) + 1;
  }
  return level;
}

Time shifted(const ThresholdRule& rule, const TimeZone& zone, Time start, int periods) {
  int days = rule.window == Interval::week ? 7 * periods : periods;
  Time day = zone.day_start(zone.local_day(start) + days);
  if (rule.window != Interval::hour) return period_start(zone, rule.window, day);
  // The same local hour of another day: the day has 23 to 25 hours where clocks change, so count from its midnight.
  return zone.hour_start(day + (start - zone.day_start(zone.local_day(start))));
}

}  // namespace

int level_of(const ThresholdRule& rule, const Observation& seen) { return highest(rule, seen, 0); }

int held_level_of(const ThresholdRule& rule, const Observation& seen) {
  return highest(rule, seen, rule.hysteresis_ppm);
}

std::int64_t evidence_of(const ThresholdRule& rule, const aggregates::Ratio& ratio) {
  return rule.below ? ratio.n - ratio.numerator : ratio.numerator;
}

std::vector<Time> earlier_windows(const ThresholdRule& rule, const TimeZone& zone, Time start) {
  std::vector<Time> out;
  for (int i = 1; i <= rule.usual_periods.value_or(0); ++i) out.push_back(shifted(rule, zone, start, -i));
  return out;
}

std::vector<Time> later_windows(const ThresholdRule& rule, const TimeZone& zone, Time start) {
  std::vector<Time> out;
  for (int i = 1; i <= rule.usual_periods.value_or(0); ++i) out.push_back(shifted(rule, zone, start, i));
  return out;
}

}  // namespace echoloop::insight

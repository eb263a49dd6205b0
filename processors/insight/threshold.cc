#include "processors/insight/threshold.h"

#include <algorithm>

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
  const int days = rule.window == Interval::week ? 7 * periods : periods;
  if (rule.window != Interval::hour)
    return period_start(zone, rule.window, zone.day_start(zone.local_day(start) + days));
  // The same hour on the clock of another day, which may keep another time.
  const std::int64_t offset_ms = zone.offset_ms(start);
  const std::int64_t clock_ms = to_ms(start) + offset_ms + days * kDay_ms;
  return zone.hour_start(from_ms(clock_ms - zone.offset_ms(from_ms(clock_ms - offset_ms))));
}

}  // namespace

bool watches(const ThresholdRule& rule, const std::string& tenant, const std::vector<std::string>& scope) {
  if (std::all_of(scope.begin(), scope.end(), [](const std::string& value) { return value == "unknown"; }))
    return false;
  if (!rule.tenants.empty() && !rule.tenants.contains(tenant)) return false;
  for (std::size_t i = 0; i < rule.group_by.size(); ++i) {
    auto limit = rule.where.find(rule.group_by[i]);
    if (limit != rule.where.end() && !limit->second.contains(scope[i])) return false;
  }
  return true;
}

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
  for (int i = 1; i <= rule.usual_periods.value_or(0); ++i) {
    const Time later = shifted(rule, zone, start, i);
    if (rule.window != Interval::hour) {
      out.push_back(later);
      continue;
    }
    // Where clocks change an hour exists twice or not at all: whichever looks back to this one.
    for (std::int64_t half_hours = -2; half_hours <= 2; ++half_hours) {
      const Time near = zone.hour_start(later + Duration{half_hours * kHour_ms / 2});
      const bool known = std::find(out.begin(), out.end(), near) != out.end();
      if (!known && shifted(rule, zone, near, -i) == start) out.push_back(near);
    }
  }
  return out;
}

}  // namespace echoloop::insight

#include "processors/insight/threshold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace echoloop::insight {
namespace {

constexpr int kPeriods = 3;

ThresholdRule hourly() {
  ThresholdRule rule;
  rule.window = Interval::hour;
  rule.usual_periods = kPeriods;
  return rule;
}

TimeZone zone(const char* name) { return TimeZone::open(name).value(); }

// Every hour bucket of the zone in a month around a change of its clocks.
std::set<Time> hours_of(const TimeZone& zone, Time from) {
  std::set<Time> out;
  for (int half = 0; half < 30 * 48; ++half) out.insert(zone.hour_start(from + Duration{half * kHour_ms / 2}));
  return out;
}

struct Change {
  const char* zone;
  const char* from;
};

class WindowsOfAnHour : public testing::TestWithParam<Change> {};

TEST_P(WindowsOfAnHour, EarlierOnesShowTheSameTimeOnTheClock) {
  const TimeZone place = zone(GetParam().zone);
  int same = 0, all = 0;
  for (Time hour : hours_of(place, parse_time(GetParam().from).value())) {
    const std::int64_t clock = to_ms(hour) + place.offset_ms(hour);
    std::int64_t days = 0;
    for (Time earlier : earlier_windows(hourly(), place, hour)) {
      ++all;
      same += to_ms(earlier) + place.offset_ms(earlier) == clock - ++days * kDay_ms;
    }
  }
  EXPECT_GE(same, all - 2 * kPeriods) << "but for the hour that the change takes away or breaks";
}

TEST_P(WindowsOfAnHour, LaterOnesAreExactlyThoseThatLookBackToIt) {
  const TimeZone place = zone(GetParam().zone);
  const std::set<Time> hours = hours_of(place, parse_time(GetParam().from).value());
  std::map<Time, std::set<Time>> looks_back;
  for (Time hour : hours) {
    for (Time earlier : earlier_windows(hourly(), place, hour)) looks_back[earlier].insert(hour);
  }
  // The last days are looked back to from beyond the month.
  for (Time hour : hours) {
    if (hour > *hours.rbegin() - Duration{(kPeriods + 1) * kDay_ms}) break;
    const std::vector<Time> later = later_windows(hourly(), place, hour);
    EXPECT_EQ(std::set<Time>(later.begin(), later.end()), looks_back[hour]) << format_time(hour);
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, WindowsOfAnHour,
                         testing::Values(Change{"America/New_York", "2026-02-25T00:00:00Z"},
                                         Change{"America/New_York", "2026-10-20T00:00:00Z"},
                                         Change{"Europe/London", "2026-03-15T00:00:00Z"},
                                         Change{"Europe/London", "2026-10-12T00:00:00Z"},
                                         Change{"Australia/Lord_Howe", "2026-03-22T00:00:00Z"},
                                         Change{"Australia/Lord_Howe", "2026-09-20T00:00:00Z"},
                                         Change{"Asia/Kolkata", "2026-03-01T00:00:00Z"}));

}  // namespace
}  // namespace echoloop::insight

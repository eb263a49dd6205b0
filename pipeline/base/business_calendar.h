// When somebody works: the hours of a week in a time zone, holidays, and make-up days (调休: weekend days that are
// worked). Immutable; safe from any thread.
#pragma once

#include <array>
#include <set>
#include <string>
#include <vector>

#include "pipeline/base/time_zone.h"

namespace echoloop {

struct BusinessCalendar {
  // Wall-clock time from midnight, half open, 0 ≤ from < to ≤ 24 h.
  struct Hours {
    Duration from{}, to{};
  };

  std::string id;
  TimeZone zone;
  std::array<std::vector<Hours>, 7> week;  // from Monday; sorted, without overlaps; not empty on every day
  std::set<std::int64_t> holidays;         // local dates as days since 1970-01-01
  std::set<std::int64_t> make_up_days;     // worked whatever their weekday, with the hours of the first working weekday
  std::int64_t first_day = 0, last_day = 0;  // local dates for which holidays are known; both 0: it has none

  // Longest working day of the week: what "a day" of an allowance means.
  Duration day_length() const;
  // The earliest moment until which `working` time has passed since t; t itself when nothing is asked for.
  // Ten years of holidays end the search.
  Time add(Time t, Duration working) const;
  // Working time in [from, to); nothing when to ≤ from.
  Duration between(Time from, Time to) const;

 private:
  struct Interval {
    Time from, to;
  };
  const std::vector<Hours>& hours_of(std::int64_t local_day) const;
  // Of a local date, in UTC, sorted.
  std::vector<Interval> intervals(std::int64_t local_day) const;
};

}  // namespace echoloop

#include "pipeline/base/business_calendar.h"

#include <algorithm>

namespace echoloop {
namespace {

constexpr std::int64_t kSearch_days = 3653;

// 1970-01-01 was a Thursday.
std::size_t weekday_from_monday(std::int64_t local_day) {
  return static_cast<std::size_t>(((local_day + 3) % 7 + 7) % 7);
}

// The instant of a wall-clock time: the first of two where the clock shows it twice, the change itself where it is
// skipped.
Time instant_of(const TimeZone& zone, std::int64_t local_day, Duration time_of_day) {
  const std::int64_t local = local_day * kDay_ms + time_of_day.count();
  const std::int64_t before = zone.offset_ms(from_ms(local - kDay_ms)),
                     after = zone.offset_ms(from_ms(local + kDay_ms));
  Time by_before = from_ms(local - before), by_after = from_ms(local - after);
  if (before == after || zone.offset_ms(by_before) == before) return by_before;
  if (zone.offset_ms(by_after) == after) return by_after;
  while (by_before - by_after > Duration{1}) {
    const Time middle = by_after + (by_before - by_after) / 2;
    (zone.offset_ms(middle) == before ? by_after : by_before) = middle;
  }
  return by_before;
}

Duration length_of(const std::vector<BusinessCalendar::Hours>& hours) {
  Duration sum{};
  for (const auto& [from, to] : hours) sum += to - from;
  return sum;
}

}  // namespace

const std::vector<BusinessCalendar::Hours>& BusinessCalendar::hours_of(std::int64_t local_day) const {
  static const std::vector<Hours> kNone;
  if (make_up_days.contains(local_day))
    return *std::find_if(week.begin(), week.end(), [](const auto& hours) { return !hours.empty(); });
  return holidays.contains(local_day) ? kNone : week[weekday_from_monday(local_day)];
}

std::vector<BusinessCalendar::Interval> BusinessCalendar::intervals(std::int64_t local_day) const {
  std::vector<Interval> out;
  for (const Hours& hours : hours_of(local_day)) {
    Time from = instant_of(zone, local_day, hours.from), to = instant_of(zone, local_day, hours.to);
    // What the clock skips is no working time; what it shows twice must not be counted before the next hours begin.
    if (!out.empty()) from = std::max(from, out.back().to);
    if (from < to) out.push_back({from, to});
  }
  return out;
}

Duration BusinessCalendar::day_length() const {
  Duration longest{};
  for (const auto& hours : week) longest = std::max(longest, length_of(hours));
  return longest;
}

Time BusinessCalendar::add(Time t, Duration working) const {
  if (working.count() <= 0) return t;
  const std::int64_t first = zone.local_day(t);
  for (std::int64_t day = first; day < first + kSearch_days + working.count() / kHour_ms; ++day) {
    for (const Interval& interval : intervals(day)) {
      const Time from = std::max(interval.from, t);
      if (from >= interval.to) continue;
      if (interval.to - from >= working) return from + working;
      working -= interval.to - from;
    }
  }
  return t + working;
}

Duration BusinessCalendar::between(Time from, Time to) const {
  Duration sum{};
  if (to <= from) return sum;
  for (std::int64_t day = zone.local_day(from); day <= zone.local_day(to); ++day) {
    for (const Interval& interval : intervals(day)) {
      const Time begin = std::max(interval.from, from), end = std::min(interval.to, to);
      if (begin < end) sum += end - begin;
    }
  }
  return sum;
}

}  // namespace echoloop

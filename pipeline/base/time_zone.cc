#include "pipeline/base/time_zone.h"

#include <unicode/timezone.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace echoloop {

struct TimeZone::Zone {
  std::unique_ptr<icu::TimeZone> icu;
  // Rules of a fixed-offset zone need no look-up; most instants of others fall into a cached stretch of the same
  // offset.
  bool fixed = false;
  std::int64_t fixed_ms = 0;
};

TimeZone::TimeZone() : name_("UTC") {
  static const auto utc = [] {
    auto zone = std::make_shared<Zone>();
    zone->fixed = true;
    return zone;
  }();
  zone_ = utc;
}

Result<TimeZone> TimeZone::open(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const Zone>, std::less<>> opened;
  TimeZone out;
  if (name == "UTC") return out;
  std::lock_guard lock{mutex};
  auto found = opened.find(name);
  if (found == opened.end()) {
    auto zone = std::make_shared<Zone>();
    zone->icu.reset(
        icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8({name.data(), static_cast<int32_t>(name.size())})));
    if (*zone->icu == icu::TimeZone::getUnknown()) {
      return bad_input("", fmt::format("'{}' is not a time zone (IANA name, for example Asia/Shanghai)", name));
    }
    found = opened.emplace(std::string(name), std::move(zone)).first;
  }
  out.name_ = name;
  out.zone_ = found->second;
  return out;
}

std::int64_t TimeZone::offset_ms(Time t) const {
  if (zone_->fixed) return zone_->fixed_ms;
  int32_t raw = 0, dst = 0;
  UErrorCode status = U_ZERO_ERROR;
  zone_->icu->getOffset(static_cast<UDate>(to_ms(t)), false, raw, dst, status);
  return raw + dst;
}

Time TimeZone::hour_start(Time t) const {
  std::int64_t offset = offset_ms(t);
  return from_ms(floor_to(to_ms(t) + offset, kHour_ms) - offset);
}

std::int64_t TimeZone::local_day(Time t) const { return floor_to(to_ms(t) + offset_ms(t), kDay_ms) / kDay_ms; }

Time TimeZone::day_start(std::int64_t local_day) const {
  std::int64_t local = local_day * kDay_ms;
  // The offset that holds at local midnight, tried from both sides of a change of offset.
  Time early = from_ms(local - offset_ms(from_ms(local - kDay_ms)));
  Time late = from_ms(local - offset_ms(from_ms(local + kDay_ms)));
  for (Time start : {std::min(early, late), std::max(early, late)}) {
    if (this->local_day(start) == local_day && this->local_day(start - Duration{1}) < local_day) return start;
  }
  // Midnight was skipped: the first instant of the day is where the offset changes.
  Time low = std::min(early, late) - Duration{kDay_ms}, high = std::max(early, late) + Duration{kDay_ms};
  while (high - low > Duration{1}) {
    Time middle = low + (high - low) / 2;
    (this->local_day(middle) < local_day ? low : high) = middle;
  }
  return high;
}

Result<Interval> parse_interval(std::string_view name) {
  if (name == "hour") return Interval::hour;
  if (name == "day") return Interval::day;
  if (name == "week") return Interval::week;
  if (name == "month") return Interval::month;
  if (name == "all") return Interval::all;
  return bad_input("interval", fmt::format("'{}' is none of hour, day, week, month, all", name));
}

namespace {

constexpr std::int64_t monday_of(std::int64_t day) { return floor_to(day + 3, 7) - 3; }  // 1970-01-01 was a Thursday

std::int64_t month_start(std::int64_t day, int months_later) {
  std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day}}};
  auto first = date.year() / date.month() / std::chrono::day{1};
  return std::chrono::sys_days{first + std::chrono::months{months_later}}.time_since_epoch().count();
}

}  // namespace

Time period_start(const TimeZone& zone, Interval interval, Time t) {
  std::int64_t day = zone.local_day(t);
  switch (interval) {
    case Interval::hour:
      return zone.hour_start(t);
    case Interval::day:
      return zone.day_start(day);
    case Interval::week:
      return zone.day_start(monday_of(day));
    case Interval::month:
      return zone.day_start(month_start(day, 0));
    case Interval::all:
      return Time{};
  }
  return Time{};
}

Time period_end(const TimeZone& zone, Interval interval, Time t) {
  std::int64_t day = zone.local_day(t);
  switch (interval) {
    case Interval::hour:
      return zone.hour_start(t) + Duration{kHour_ms};
    case Interval::day:
      return zone.day_start(day + 1);
    case Interval::week:
      return zone.day_start(monday_of(day) + 7);
    case Interval::month:
      return zone.day_start(month_start(day, 1));
    case Interval::all:
      return Time::max();
  }
  return Time{};
}

}  // namespace echoloop

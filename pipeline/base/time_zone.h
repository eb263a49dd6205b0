// A tenant's time zone: local days, weeks and months, and the hour buckets that fit inside them. Zone rules come from
// ICU's tz database. Immutable after open(); copies share the zone; safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/time.h"

namespace echoloop {

class TimeZone {
 public:
  TimeZone();                                           // UTC
  static Result<TimeZone> open(std::string_view name);  // an IANA name, "Asia/Shanghai"

  const std::string& name() const { return name_; }
  // Offset east of UTC at t, in ms.
  std::int64_t offset_ms(Time t) const;
  // Start of the hour bucket that holds t: local hours, so that zones of :30 and :45 have true days.
  Time hour_start(Time t) const;
  // Days since 1970-01-01 of t's local date.
  std::int64_t local_day(Time t) const;
  // First instant of that local date (after a skipped midnight, the first that exists).
  Time day_start(std::int64_t local_day) const;

 private:
  struct Zone;
  std::string name_;
  std::shared_ptr<const Zone> zone_;  // shared: ICU's zones are large and many tenants use the same one
};

enum class Interval { hour, day, week, month, all };
Result<Interval> parse_interval(std::string_view name);

// Start of the period of that length that holds t: weeks begin on Monday. `all` gives the epoch.
Time period_start(const TimeZone& zone, Interval interval, Time t);
// Start of the next period.
Time period_end(const TimeZone& zone, Interval interval, Time t);

}  // namespace echoloop

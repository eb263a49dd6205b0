// Points in time are UTC milliseconds; text is RFC 3339. Pure functions, safe from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop {

using Duration = std::chrono::milliseconds;
using Time = std::chrono::sys_time<Duration>;

inline constexpr std::int64_t kSecond_ms = 1000;
inline constexpr std::int64_t kHour_ms = 3'600'000;
inline constexpr std::int64_t kDay_ms = 86'400'000;

constexpr Time from_ms(std::int64_t ms) { return Time{Duration{ms}}; }
constexpr std::int64_t to_ms(Time t) { return t.time_since_epoch().count(); }

// Floor division: the multiple of `step` at or below `value`, also for negative values.
constexpr std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

// RFC 3339 date-time with an offset ("2026-03-01T08:00:00.250+08:00", "…Z"). Digits past the millisecond are cut off; a
// leap second
// (:60) is the next second. Error: what is wrong with the text; also a year outside 1970..2199, which no service
// session has.
Result<Time> parse_time(std::string_view text);

// "YYYY-MM-DD" as days since 1970-01-01.
Result<std::int64_t> parse_date(std::string_view text);

// "2026-03-01T00:00:00Z", with ".250" only where there are milliseconds.
std::string format_time(Time t);

// "90s", "15m", "4h", "30d", "500ms": a number with its unit.
Result<Duration> parse_duration(std::string_view text);
std::string format_duration(Duration d);

// The wall clock. Only intake, the engine's ticks and the programs' edges read it; processors never do.
Time wall_clock();

}  // namespace echoloop

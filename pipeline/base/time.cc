#include "pipeline/base/time.h"

#include <charconv>

namespace echoloop {
namespace {

// Reads exactly `count` digits at `at`; -1 is not a value here, hence the flag.
bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    out = out * 10 + (text[i] - '0');
  }
  return true;
}

bool valid_date(int year, int month, int day) {
  return std::chrono::year_month_day{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

std::int64_t days_of(int year, int month, int day) {
  return std::chrono::sys_days{std::chrono::year{year} / month / day}.time_since_epoch().count();
}

}  // namespace

Result<Time> parse_time(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return bad_input("", fmt::format("'{}' is not an RFC 3339 time: {}", text.substr(0, 64), why));
  };
  int year, month, day, hour, minute, second;
  if (text.size() < 20 || !digits(text, 0, 4, year) || text[4] != '-' || !digits(text, 5, 2, month) || text[7] != '-' ||
      !digits(text, 8, 2, day) || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      !digits(text, 11, 2, hour) || text[13] != ':' || !digits(text, 14, 2, minute) || text[16] != ':' ||
      !digits(text, 17, 2, second)) {
    return bad("wanted YYYY-MM-DDThh:mm:ss and an offset");
  }
  if (!valid_date(year, month, day)) return bad("no such day");
  if (hour > 23 || minute > 59 || second > 60) return bad("no such time of day");
  if (year < 1970 || year > 2199) return bad("year outside 1970..2199");
  std::size_t at = 19;
  int ms = 0;
  if (text[at] == '.') {
    std::size_t start = ++at;
    int scale = 100;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
      ms += (text[at] - '0') * scale;
      scale /= 10;
    }
    if (at == start) return bad("no digits after the point");
  }
  int offset_min = 0;
  if (at < text.size() && (text[at] == 'Z' || text[at] == 'z')) {
    ++at;
  } else {
    int oh, om;
    if (at + 6 > text.size() || (text[at] != '+' && text[at] != '-') || !digits(text, at + 1, 2, oh) ||
        text[at + 3] != ':' || !digits(text, at + 4, 2, om) || oh > 23 || om > 59) {
      return bad("no offset (Z or ±hh:mm)");
    }
    offset_min = (oh * 60 + om) * (text[at] == '-' ? -1 : 1);
    at += 6;
  }
  if (at != text.size()) return bad("something follows the offset");
  std::int64_t s = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_min * 60;
  return from_ms(s * 1000 + ms);
}

Result<std::int64_t> parse_date(std::string_view text) {
  int year, month, day;
  if (text.size() != 10 || !digits(text, 0, 4, year) || text[4] != '-' || !digits(text, 5, 2, month) ||
      text[7] != '-' || !digits(text, 8, 2, day) || !valid_date(year, month, day) || year < 1970 || year > 2199) {
    return bad_input("", fmt::format("'{}' is not a date (YYYY-MM-DD)", text.substr(0, 64)));
  }
  return days_of(year, month, day);
}

std::string format_time(Time t) {
  std::int64_t ms = to_ms(t);
  std::int64_t day = floor_to(ms, kDay_ms);
  std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day / kDay_ms}}};
  std::int64_t rest = ms - day;
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                rest / 3'600'000, rest / 60'000 % 60, rest / 1000 % 60);
  if (rest % 1000 != 0) out += fmt::format(".{:03}", rest % 1000);
  return out + "Z";
}

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit{end, static_cast<std::size_t>(text.data() + text.size() - end)};
  std::int64_t factor = unit == "ms"  ? 1
                        : unit == "s" ? kSecond_ms
                        : unit == "m" ? 60 * kSecond_ms
                        : unit == "h" ? kHour_ms
                        : unit == "d" ? kDay_ms
                                      : 0;
  if (failure != std::errc{} || number < 0 || factor == 0 || number > 36'500 * kDay_ms / factor) {
    return bad_input("", fmt::format("'{}' is not a duration (a number with ms, s, m, h or d)", text.substr(0, 64)));
  }
  return Duration{number * factor};
}

std::string format_duration(Duration d) {
  std::int64_t ms = d.count();
  if (ms != 0 && ms % kDay_ms == 0) return fmt::format("{}d", ms / kDay_ms);
  if (ms != 0 && ms % kHour_ms == 0) return fmt::format("{}h", ms / kHour_ms);
  if (ms != 0 && ms % 60'000 == 0) return fmt::format("{}m", ms / 60'000);
  if (ms % 1000 == 0) return fmt::format("{}s", ms / 1000);
  return fmt::format("{}ms", ms);
}

Time wall_clock() { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

}  // namespace echoloop

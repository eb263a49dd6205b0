#include "pipeline/base/time.h"

#include <bit>
#include <charconv>
#include <cstring>

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

static_assert(std::endian::native == std::endian::little, "EightBytes expects the first character in the lowest byte");

// How eight characters of a time look: '0' stands for a digit, '?' for anything, all else for itself.
class EightBytes {
 public:
  consteval explicit EightBytes(const char (&pattern)[9]) {
    for (int i = 0; i < 8; ++i) {
      const auto at = [i](unsigned byte) { return static_cast<std::uint64_t>(byte) << (8 * i); };
      if (pattern[i] == '?') continue;
      wanted_ |= at(static_cast<unsigned char>(pattern[i]));
      looked_at_ |= at(0xFF);
      room_ |= at(pattern[i] == '0' ? 0x7F - 9 : 0x7F);
    }
  }
  // `pairs` gets the number 0..99 that the digits at i and i + 1 make in byte i.
  bool read(const char* text, std::uint64_t& pairs) const {
    std::uint64_t word = 0;
    std::memcpy(&word, text, sizeof word);
    word = (word ^ wanted_) & looked_at_;  // a digit leaves its value, what stands for itself 0
    pairs = word * 10 + (word >> 8);
    return (((word + room_) | word) & 0x8080'8080'8080'8080) == 0;
  }

 private:
  std::uint64_t wanted_ = 0, looked_at_ = 0, room_ = 0;
};

int number_at(std::uint64_t pairs, int byte) { return static_cast<int>(pairs >> (8 * byte) & 0xFF); }

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
  constexpr EightBytes kDate("0000-00-"), kDayAndMinute("00?00:00"), kSeconds("0:00:00?"), kMilliseconds(":00.000?");
  std::uint64_t date, day_and_minute, seconds;
  if (text.size() < 20 || !kDate.read(text.data(), date) || !kDayAndMinute.read(text.data() + 8, day_and_minute) ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || !kSeconds.read(text.data() + 12, seconds)) {
    return bad("wanted YYYY-MM-DDThh:mm:ss and an offset");
  }
  const int year = number_at(date, 0) * 100 + number_at(date, 2), month = number_at(date, 5);
  const int day = number_at(day_and_minute, 0), hour = number_at(day_and_minute, 3);
  const int minute = number_at(day_and_minute, 6), second = number_at(seconds, 5);
  if (!valid_date(year, month, day)) return bad("no such day");
  if (hour > 23 || minute > 59 || second > 60) return bad("no such time of day");
  if (year < 1970 || year > 2199) return bad("year outside 1970..2199");
  std::size_t at = 19;
  int ms = 0;
  std::uint64_t fraction;
  if (text.size() >= 24 && kMilliseconds.read(text.data() + 16, fraction) && !(text[23] >= '0' && text[23] <= '9')) {
    ms = number_at(fraction, 3) * 100 + number_at(fraction, 5);
    at = 23;
  } else if (text[at] == '.') {
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

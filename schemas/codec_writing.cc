#include "schemas/codec_writing.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace echoloop::codec {
namespace {

// Writes so many digits at `to`, answers where they end.
char* put_digits(char* to, std::uint32_t value, int digits) {
  for (int i = digits - 1; i >= 0; --i, value /= 10) to[i] = static_cast<char>('0' + value % 10);
  return to + digits;
}

constexpr bool needs_escape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

// Whether any of the eight bytes needs an escape (the classic has-zero-byte trick, three times).
bool any_needs_escape(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u, kHighs = 0x8080808080808080u;
  const auto has_zero = [](std::uint64_t v) { return (v - kOnes) & ~v & kHighs; };
  return (((word - kOnes * 0x20) & ~word & kHighs) | has_zero(word ^ (kOnes * '"')) |
          has_zero(word ^ (kOnes * '\\'))) != 0;
}

void put_escaped(std::string& out, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      break;
    case '\\':
      out += "\\\\";
      break;
    case '\b':
      out += "\\b";
      break;
    case '\f':
      out += "\\f";
      break;
    case '\n':
      out += "\\n";
      break;
    case '\r':
      out += "\\r";
      break;
    case '\t':
      out += "\\t";
      break;
    default:
      out.append("\\u00").append(1, kHex[c >> 4]).append(1, kHex[c & 15]);
  }
}

}  // namespace

void put_json_text(std::string& out, std::string_view text) {
  out += '"';
  std::size_t written = 0, i = 0;
  while (i < text.size()) {
    std::uint64_t word = 0;
    if (i + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if (!any_needs_escape(word)) {
        i += sizeof word;
        continue;
      }
    }
    for (std::size_t end = std::min(i + sizeof word, text.size()); i < end; ++i) {
      if (!needs_escape(static_cast<unsigned char>(text[i]))) continue;
      out.append(text, written, i - written);
      put_escaped(out, text[i]);
      written = i + 1;
    }
  }
  out.append(text, written);
  out += '"';
}

void put_json_integer(std::string& out, std::int64_t value) {
  char text[24];
  out.append(text, static_cast<std::size_t>(std::to_chars(text, text + sizeof text, value).ptr - text));
}

void put_json_thousandths(std::string& out, std::int64_t value) {
  if (value < 0) {
    out += '-';
    value = -value;
  }
  put_json_integer(out, value / 1000);
  if (value % 1000 == 0) return;
  char text[4] = {'.'};
  char* end = put_digits(text + 1, static_cast<std::uint32_t>(value % 1000), 3);
  while (end[-1] == '0') --end;
  out.append(text, static_cast<std::size_t>(end - text));
}

void put_json_time(std::string& out, Time time) {
  const std::int64_t ms = to_ms(time);
  const std::int64_t day = floor_to(ms, kDay_ms);
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{day / kDay_ms}}};
  const auto rest = static_cast<std::uint32_t>(ms - day);
  char text[32];
  char* to = text;
  const auto put = [&to](std::uint32_t value, int digits, char after) {
    to = put_digits(to, value, digits);
    *to++ = after;
  };
  *to++ = '"';
  put(static_cast<std::uint32_t>(static_cast<int>(date.year())), 4, '-');
  put(static_cast<unsigned>(date.month()), 2, '-');
  put(static_cast<unsigned>(date.day()), 2, 'T');
  put(rest / static_cast<std::uint32_t>(kHour_ms), 2, ':');
  put(rest / 60'000 % 60, 2, ':');
  to = put_digits(to, rest / static_cast<std::uint32_t>(kSecond_ms) % 60, 2);
  if (rest % kSecond_ms != 0) {
    *to++ = '.';
    to = put_digits(to, rest % static_cast<std::uint32_t>(kSecond_ms), 3);
  }
  *to++ = 'Z';
  *to++ = '"';
  out.append(text, static_cast<std::size_t>(to - text));
}

}  // namespace echoloop::codec

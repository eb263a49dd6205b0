#include "pipeline/base/time.h"

#include <gtest/gtest.h>

#include <random>

namespace echoloop {
namespace {

std::int64_t ms_of(std::string_view text) {
  auto parsed = parse_time(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? to_ms(*parsed) : -1;
}

TEST(ParseTime, ReadsEveryFormOfRfc3339) {
  const std::int64_t noon = 1'772'366'400'000;  // 2026-03-01T12:00:00Z
  EXPECT_EQ(ms_of("2026-03-01T12:00:00Z"), noon);
  EXPECT_EQ(ms_of("2026-03-01t12:00:00z"), noon);
  EXPECT_EQ(ms_of("2026-03-01 12:00:00Z"), noon);
  EXPECT_EQ(ms_of("2026-03-01T20:00:00+08:00"), noon);
  EXPECT_EQ(ms_of("2026-03-01T06:30:00-05:30"), noon);
  EXPECT_EQ(ms_of("2026-03-01T17:45:00+05:45"), noon);
  EXPECT_EQ(ms_of("2026-03-01T12:00:00-00:00"), noon);
  EXPECT_EQ(ms_of("2026-03-02T11:59:00+23:59"), noon);
}

TEST(ParseTime, CutsOffDigitsPastTheMillisecond) {
  const std::int64_t second = ms_of("2026-03-01T08:00:01Z");
  EXPECT_EQ(ms_of("2026-03-01T08:00:01.5Z"), second + 500);
  EXPECT_EQ(ms_of("2026-03-01T08:00:01.25Z"), second + 250);
  EXPECT_EQ(ms_of("2026-03-01T08:00:01.250+00:00"), second + 250);
  EXPECT_EQ(ms_of("2026-03-01T08:00:01.0009Z"), second);
  EXPECT_EQ(ms_of("2026-03-01T08:00:01.999999999999999999999999Z"), second + 999);
}

TEST(ParseTime, ALeapSecondIsTheNextSecond) {
  EXPECT_EQ(ms_of("2016-12-31T23:59:60Z"), ms_of("2017-01-01T00:00:00Z"));
  EXPECT_EQ(ms_of("1990-12-31T15:59:60-08:00"), ms_of("1991-01-01T00:00:00Z"));
}

TEST(ParseTime, KnowsLeapYears) {
  EXPECT_EQ(ms_of("2000-02-29T00:00:00Z") + kDay_ms, ms_of("2000-03-01T00:00:00Z"));
  EXPECT_EQ(ms_of("2024-02-29T00:00:00Z") + kDay_ms, ms_of("2024-03-01T00:00:00Z"));
  EXPECT_FALSE(parse_time("2100-02-29T00:00:00Z"));
  EXPECT_FALSE(parse_time("2026-02-29T00:00:00Z"));
}

TEST(ParseTime, RefusesWhatIsNotRfc3339AndSaysWhy) {
  for (std::string_view text : {"",
                                "2026-03-01",
                                "2026-03-01T12:00Z",
                                "2026-03-01T12:00:00",
                                "2026-03-01T12:00:00.Z",
                                "2026-03-01T12:00:00,5Z",
                                "2026-03-01T12:00:00+8:00",
                                "2026-03-01T12:00:00+0800",
                                "2026-03-01T12:00:00+24:00",
                                "2026-03-01T12:00:00+08:60",
                                "2026-03-01T24:00:00Z",
                                "2026-03-01T12:60:00Z",
                                "2026-03-01T12:00:61Z",
                                "2026-13-01T12:00:00Z",
                                "2026-00-01T12:00:00Z",
                                "2026-04-31T12:00:00Z",
                                "2026-03-00T12:00:00Z",
                                "2026-3-1T12:00:00Z",
                                "26-03-01T12:00:00Z",
                                "2026/03/01T12:00:00Z",
                                "2026-03-01T12:00:00ZZ",
                                " 2026-03-01T12:00:00Z",
                                "2026-03-01T12:00:00Z ",
                                "2026-03-01_12:00:00Z",
                                "+2026-03-01T12:00:00Z",
                                "1969-12-31T23:59:59Z",
                                "2200-01-01T00:00:00Z",
                                "2026-03-01T12:00:00\xe2\x88\x92"
                                "08:00"}) {
    auto parsed = parse_time(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().fault, Fault::bad_input);
    EXPECT_NE(parsed.error().reason.find(text), std::string::npos) << text;
  }
}

TEST(ParseTime, RefusesAStrangerInEveryPlace) {
  const std::string good = "2026-11-11T11:11:11.111Z";
  ASSERT_TRUE(parse_time(good));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string text = good;
      text[i] = static_cast<char>(byte);
      const bool digit = good[i] >= '0' && good[i] <= '9';
      const bool known = digit ? byte >= '0' && byte <= '9'
                               : text[i] == good[i] || (i == 10 && (byte == 't' || byte == ' ')) ||
                                     (i == good.size() - 1 && byte == 'z');
      EXPECT_TRUE(known || !parse_time(text)) << text;
    }
  }
}

TEST(FormatTime, ComesBackAndHasMillisecondsOnlyWhereThereAreAny) {
  EXPECT_EQ(format_time(from_ms(0)), "1970-01-01T00:00:00Z");
  EXPECT_EQ(format_time(from_ms(1'772'366'400'000)), "2026-03-01T12:00:00Z");
  EXPECT_EQ(format_time(from_ms(1'772'366'400'007)), "2026-03-01T12:00:00.007Z");
  EXPECT_EQ(format_time(from_ms(-1)), "1969-12-31T23:59:59.999Z");
  std::mt19937_64 random{1};
  for (int i = 0; i < 10'000; ++i) {
    const auto ms = static_cast<std::int64_t>(random() % 7'258'118'400'000ULL);  // to the end of 2199
    ASSERT_EQ(ms_of(format_time(from_ms(ms))), ms);
  }
}

TEST(ParseDate, CountsDaysSince1970) {
  EXPECT_EQ(*parse_date("1970-01-01"), 0);
  EXPECT_EQ(*parse_date("2026-03-01"), 20'513);
  for (std::string_view text : {"", "2026-02-29", "2026-3-01", "20260301", "2026-03-01T", "1969-12-31", "2200-01-01"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

TEST(Durations, ReadANumberWithItsUnitAndComeBack) {
  for (auto [text, ms] : {std::pair{"500ms", 500L},
                          {"90s", 90'000L},
                          {"15m", 900'000L},
                          {"4h", 14'400'000L},
                          {"30d", 2'592'000'000L},
                          {"0s", 0L},
                          {"36500d", 3'153'600'000'000L}}) {
    auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->count(), ms);
    EXPECT_EQ(parse_duration(format_duration(*parsed))->count(), ms);
  }
  EXPECT_EQ(format_duration(Duration{90'000}), "90s");
  EXPECT_EQ(format_duration(Duration{7'200'000}), "2h");
  EXPECT_EQ(format_duration(Duration{1'500}), "1500ms");
  for (std::string_view text : {"", "s", "5", "-5s", "5 s", "5w", "1.5h", "36501d", "99999999999999999999s", "0x5s"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(FloorTo, RoundsDownOnBothSidesOfZero) {
  EXPECT_EQ(floor_to(7, 5), 5);
  EXPECT_EQ(floor_to(5, 5), 5);
  EXPECT_EQ(floor_to(0, 5), 0);
  EXPECT_EQ(floor_to(-1, 5), -5);
  EXPECT_EQ(floor_to(-5, 5), -5);
  EXPECT_EQ(floor_to(-6, 5), -10);
}

}  // namespace
}  // namespace echoloop

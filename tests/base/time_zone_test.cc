#include "pipeline/base/time_zone.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace echoloop {
namespace {

TimeZone zone(std::string_view name) {
  auto opened = TimeZone::open(name);
  EXPECT_TRUE(opened) << name;
  return opened ? *opened : TimeZone{};
}

Time at(std::string_view text) { return *parse_time(text); }
std::int64_t day(std::string_view text) { return *parse_date(text); }

// Hours between the starts of this local date and the next.
double day_hours(const TimeZone& z, std::string_view date) {
  return static_cast<double>((z.day_start(day(date) + 1) - z.day_start(day(date))).count()) / kHour_ms;
}

TEST(TimeZone, OpensIanaNamesOnly) {
  EXPECT_EQ(zone("Asia/Shanghai").name(), "Asia/Shanghai");
  EXPECT_EQ(TimeZone{}.name(), "UTC");
  EXPECT_EQ(zone("UTC").offset_ms(at("2026-03-01T00:00:00Z")), 0);
  for (std::string_view name : {"", "Asia/Shangai", "nowhere", "asia shanghai"})
    EXPECT_FALSE(TimeZone::open(name)) << name;
}

TEST(TimeZone, OffsetsFollowTheSeasons) {
  TimeZone berlin = zone("Europe/Berlin");
  EXPECT_EQ(berlin.offset_ms(at("2026-03-29T00:59:59Z")), kHour_ms);
  EXPECT_EQ(berlin.offset_ms(at("2026-03-29T01:00:00Z")), 2 * kHour_ms);
  EXPECT_EQ(berlin.offset_ms(at("2026-10-25T00:59:59Z")), 2 * kHour_ms);
  EXPECT_EQ(berlin.offset_ms(at("2026-10-25T01:00:00Z")), kHour_ms);
}

TEST(TimeZone, HalfAndQuarterHourZonesHaveTrueHoursAndDays) {
  TimeZone kolkata = zone("Asia/Kolkata"), kathmandu = zone("Asia/Kathmandu");
  EXPECT_EQ(kolkata.hour_start(at("2026-03-01T12:10:00Z")), at("2026-03-01T11:30:00Z"));
  EXPECT_EQ(kolkata.hour_start(at("2026-03-01T12:30:00Z")), at("2026-03-01T12:30:00Z"));
  EXPECT_EQ(kathmandu.hour_start(at("2026-03-01T12:10:00Z")), at("2026-03-01T11:15:00Z"));
  EXPECT_EQ(kathmandu.hour_start(at("2026-03-01T12:15:00Z")), at("2026-03-01T12:15:00Z"));
  EXPECT_EQ(kolkata.day_start(day("2026-03-01")), at("2026-03-01T00:00:00+05:30"));
  EXPECT_EQ(kathmandu.day_start(day("2026-03-01")), at("2026-03-01T00:00:00+05:45"));
  EXPECT_EQ(kathmandu.local_day(at("2026-02-28T18:14:59Z")), day("2026-02-28"));
  EXPECT_EQ(kathmandu.local_day(at("2026-02-28T18:15:00Z")), day("2026-03-01"));
}

TEST(TimeZone, DaysOf23And25Hours) {
  TimeZone berlin = zone("Europe/Berlin"), new_york = zone("America/New_York");
  EXPECT_EQ(day_hours(berlin, "2026-03-28"), 24);
  EXPECT_EQ(day_hours(berlin, "2026-03-29"), 23);
  EXPECT_EQ(day_hours(berlin, "2026-10-25"), 25);
  EXPECT_EQ(day_hours(new_york, "2026-03-08"), 23);
  EXPECT_EQ(day_hours(new_york, "2026-11-01"), 25);
  EXPECT_EQ(day_hours(zone("Australia/Lord_Howe"), "2026-04-05"), 24.5);  // shifts by half an hour
  EXPECT_EQ(day_hours(zone("Asia/Shanghai"), "2026-03-29"), 24);
}

TEST(TimeZone, ASkippedMidnightStartsWithTheFirstInstantThatExists) {
  TimeZone sao_paulo = zone("America/Sao_Paulo");  // 2018-11-04 began at 01:00
  EXPECT_EQ(sao_paulo.day_start(day("2018-11-04")), at("2018-11-04T03:00:00Z"));
  EXPECT_EQ(sao_paulo.local_day(at("2018-11-04T02:59:59.999Z")), day("2018-11-03"));
  EXPECT_EQ(sao_paulo.local_day(at("2018-11-04T03:00:00Z")), day("2018-11-04"));
  EXPECT_EQ(day_hours(sao_paulo, "2018-11-03"), 24);
  EXPECT_EQ(day_hours(sao_paulo, "2018-11-04"), 23);
}

TEST(TimeZone, AMidnightThatComesTwiceBelongsToTheDayItFirstBegan) {
  TimeZone havana = zone("America/Havana");  // 2026-11-01: 01:00 becomes 00:00 again
  EXPECT_EQ(havana.day_start(day("2026-11-01")), at("2026-11-01T04:00:00Z"));
  EXPECT_EQ(day_hours(havana, "2026-11-01"), 25);
  TimeZone sao_paulo = zone("America/Sao_Paulo");  // 2018-02-18 00:00 became 2018-02-17 23:00
  EXPECT_EQ(sao_paulo.day_start(day("2018-02-18")), at("2018-02-18T03:00:00Z"));
  EXPECT_EQ(day_hours(sao_paulo, "2018-02-17"), 25);
}

TEST(TimeZone, ADayThatNeverWasStartsWhereTheNextOneDoes) {
  TimeZone apia = zone("Pacific/Apia");  // 2011-12-30 was left out
  EXPECT_EQ(apia.day_start(day("2011-12-30")), at("2011-12-30T10:00:00Z"));
  EXPECT_EQ(apia.day_start(day("2011-12-31")), at("2011-12-30T10:00:00Z"));
  EXPECT_EQ(apia.local_day(at("2011-12-30T10:00:00Z")), day("2011-12-31"));
  EXPECT_EQ(apia.local_day(at("2011-12-30T09:59:59Z")), day("2011-12-29"));
}

// What holds for any zone at any time, tried around the clock changes of a few years.
TEST(TimeZone, HoursLieInDaysAndDaysFollowEachOtherEverywhere) {
  for (std::string_view name : {"UTC", "Asia/Shanghai", "Asia/Kolkata", "Asia/Kathmandu", "Europe/London",
                                "America/St_Johns", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Chatham",
                                "Africa/Casablanca", "Asia/Tehran", "America/Havana"}) {
    TimeZone z = zone(name);
    for (Time t = at("2017-01-01T00:00:00Z"); t < at("2020-01-01T00:00:00Z"); t += Duration{37 * 60'000 + 13}) {
      const Time hour = z.hour_start(t);
      ASSERT_LE(hour, t);
      ASSERT_LT(t - hour, Duration{kHour_ms});
      ASSERT_EQ((to_ms(hour) + z.offset_ms(t)) % kHour_ms, 0);
      const std::int64_t d = z.local_day(t);
      ASSERT_EQ(z.local_day(hour), d) << name << ' ' << format_time(t);
      ASSERT_LE(z.day_start(d), t) << name << ' ' << format_time(t);
      ASSERT_GT(z.day_start(d + 1), t) << name << ' ' << format_time(t);
    }
    for (std::int64_t d = day("2017-01-01"); d < day("2020-01-01"); ++d) {
      const Time start = z.day_start(d);
      ASSERT_EQ(z.local_day(start), d) << name << ' ' << d;
      ASSERT_LT(z.local_day(start - Duration{1}), d) << name << ' ' << d;
    }
  }
}

TEST(Periods, WeeksBeginOnMondayAndMonthsOnTheFirst) {
  TimeZone shanghai = zone("Asia/Shanghai");
  const Time t = at("2026-03-01T08:20:00+08:00");  // a Sunday
  EXPECT_EQ(period_start(shanghai, Interval::hour, t), at("2026-03-01T08:00:00+08:00"));
  EXPECT_EQ(period_end(shanghai, Interval::hour, t), at("2026-03-01T09:00:00+08:00"));
  EXPECT_EQ(period_start(shanghai, Interval::day, t), at("2026-03-01T00:00:00+08:00"));
  EXPECT_EQ(period_end(shanghai, Interval::day, t), at("2026-03-02T00:00:00+08:00"));
  EXPECT_EQ(period_start(shanghai, Interval::week, t), at("2026-02-23T00:00:00+08:00"));
  EXPECT_EQ(period_end(shanghai, Interval::week, t), at("2026-03-02T00:00:00+08:00"));
  EXPECT_EQ(period_start(shanghai, Interval::month, t), at("2026-03-01T00:00:00+08:00"));
  EXPECT_EQ(period_end(shanghai, Interval::month, t), at("2026-04-01T00:00:00+08:00"));
  EXPECT_EQ(period_start(shanghai, Interval::all, t), from_ms(0));
  EXPECT_GT(period_end(shanghai, Interval::all, t), at("2199-12-31T23:59:59Z"));
  EXPECT_EQ(period_end(shanghai, Interval::month, at("2026-12-31T12:00:00Z")), at("2027-01-01T00:00:00+08:00"));
}

TEST(Periods, OfOneLengthTouchWithoutGaps) {
  for (std::string_view name : {"Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"}) {
    TimeZone z = zone(name);
    for (Interval interval : {Interval::day, Interval::week, Interval::month}) {
      Time t = period_start(z, interval, at("2018-01-15T00:00:00Z"));
      for (int i = 0; i < 400; ++i) {
        const Time end = period_end(z, interval, t);
        ASSERT_GT(end, t);
        ASSERT_EQ(period_start(z, interval, end), end) << name << ' ' << format_time(end);
        ASSERT_EQ(period_start(z, interval, end - Duration{1}), t) << name << ' ' << format_time(t);
        t = end;
      }
    }
  }
}

TEST(Periods, HoursTouchWithoutGapsWhereTheClockShiftsByWholeHours) {
  TimeZone berlin = zone("Europe/Berlin");
  for (Time t = at("2026-03-28T00:00:00Z"); t < at("2026-03-30T00:00:00Z");) {
    const Time end = period_end(berlin, Interval::hour, t);
    ASSERT_EQ(end - t, Duration{kHour_ms});
    ASSERT_EQ(period_start(berlin, Interval::hour, end), end);
    t = end;
  }
}

TEST(Intervals, HaveTheirFiveNames) {
  EXPECT_EQ(*parse_interval("hour"), Interval::hour);
  EXPECT_EQ(*parse_interval("all"), Interval::all);
  for (std::string_view name : {"", "Hour", "year", "days"}) EXPECT_FALSE(parse_interval(name)) << name;
}

TEST(TimeZone, IsSafeFromManyThreads) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const char* names[] = {"Europe/Paris", "Asia/Tokyo", "America/Toronto", "Africa/Cairo"};
      for (int j = 0; j < 200; ++j) {
        auto z = TimeZone::open(names[(i + j) % 4]);
        const Time t = at("2026-07-01T12:34:56Z") + Duration{j * kDay_ms};
        wrong += !z || z->local_day(z->day_start(z->local_day(t))) != z->local_day(t);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace echoloop

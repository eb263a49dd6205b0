// calendars/*.yaml, and the calendars of organisation.yaml.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

std::optional<std::int64_t> read_date(const yaml::Document& document, const yaml::Node& text, int year) {
  auto day = parse_date(text.scalar);
  if (!day) {
    document.fault(text.place, day.error().reason);
    return std::nullopt;
  }
  if (!text.scalar.starts_with(fmt::format("{}-", year))) {
    document.fault(text.place, fmt::format("is not in {}", year));
    return std::nullopt;
  }
  return *day;
}

std::optional<std::int64_t> read_date(const yaml::Document& document, const yaml::Node& node, std::string_view key,
                                      int year) {
  const yaml::Node* text = node.find(key);
  if (text == nullptr || text->kind != yaml::Node::Kind::text) return std::nullopt;
  return read_date(document, *text, year);
}

void read_hours(const yaml::Document& document, const yaml::Node& one, BusinessCalendar& calendar) {
  for (const yaml::Node& hours : one.list("hours")) {
    auto from = read_time_of_day(document, hours, "from");
    auto to = read_time_of_day(document, hours, "to");
    if (!from || !to) continue;
    if (*to <= *from) {
      document.fault(hours.find("to")->place, "must be after from; what reaches over midnight is two entries");
      continue;
    }
    for (const yaml::Node* day : read_texts(hours, "days")) {
      const auto known = std::find(std::begin(kWeekdays), std::end(kWeekdays), day->scalar);
      if (known == std::end(kWeekdays)) continue;
      auto& of_day = calendar.week[static_cast<std::size_t>(known - std::begin(kWeekdays))];
      const bool overlaps = std::any_of(of_day.begin(), of_day.end(),
                                        [&](const auto& other) { return *from < other.to && other.from < *to; });
      if (overlaps) document.fault(day->place, fmt::format("'{}' has hours that overlap", day->scalar));
      of_day.push_back({*from, *to});
    }
  }
  for (auto& of_day : calendar.week)
    std::sort(of_day.begin(), of_day.end(), [](const auto& a, const auto& b) { return a.from < b.from; });
}

void take_holidays(const yaml::Document& document, const yaml::Node& name, const Draft& draft,
                   BusinessCalendar& calendar) {
  auto region = draft.regions.find(name.scalar);
  if (region == draft.regions.end()) {
    document.fault(name.place, fmt::format("there is no file of region '{}' in calendars/", name.scalar));
    return;
  }
  const std::set<int>& years = region->second.years;
  for (int year = *years.begin(); year <= *years.rbegin(); ++year) {
    if (!years.contains(year))
      document.fault(name.place, fmt::format("calendars/ has no file of region '{}' for {}", name.scalar, year));
  }
  calendar.holidays = region->second.holidays;
  calendar.make_up_days = region->second.work_days;
  calendar.first_day = *parse_date(fmt::format("{}-01-01", *years.begin()));
  calendar.last_day = *parse_date(fmt::format("{}-12-31", *years.rbegin()));
}

}  // namespace

std::optional<Duration> read_time_of_day(const yaml::Document& document, const yaml::Node& node, std::string_view key) {
  const yaml::Node* text = node.find(key);
  if (text == nullptr || text->kind != yaml::Node::Kind::text) return std::nullopt;
  int hours = 0, minutes = 0;
  const std::string& s = text->scalar;
  const bool shaped = s.size() == 5 && s[2] == ':' &&
                      std::from_chars(s.data(), s.data() + 2, hours).ptr == s.data() + 2 &&
                      std::from_chars(s.data() + 3, s.data() + 5, minutes).ptr == s.data() + 5;
  if (!shaped || hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > 24 * 60) {
    document.fault(text->place, fmt::format("'{}' is no time of day such as \"09:30\"", s));
    return std::nullopt;
  }
  return Duration{hours * kHour_ms + minutes * kHour_ms / 60};
}

void read_calendar_year(const yaml::Document& document, Draft& draft) {
  const std::string name = read_text(document.root, "region");
  const int year = static_cast<int>(read_integer(document.root, "year", 0));
  if (name.empty() || year < 1970 || year > 2199) return;  // the schema has spoken
  Region& region = draft.regions[name];
  if (!region.years.insert(year).second)
    document.fault(document.root.find("year")->place, fmt::format("region '{}' has another file for {}", name, year));
  if (const yaml::Node* provisional = document.root.find("provisional");
      provisional != nullptr && provisional->kind == yaml::Node::Kind::boolean && provisional->scalar.front() != 'f')
    draft.domain.provisional.push_back(document.file.substr(document.file.rfind("calendars/")));
  for (const yaml::Node& one : document.root.list("holidays")) {
    auto from = read_date(document, one, "from", year), to = read_date(document, one, "to", year);
    if (!from || !to) continue;
    if (*to < *from) document.fault(one.find("to")->place, "is before from");
    for (std::int64_t day = *from; day <= *to; ++day) {
      if (!region.holidays.insert(day).second) {
        document.fault(one.place, "overlaps with another holiday");
        break;
      }
    }
  }
  for (const yaml::Node* one : read_texts(document.root, "work_days")) {
    auto day = read_date(document, *one, year);
    if (!day) continue;
    if (region.holidays.contains(*day)) document.fault(one->place, "is a holiday too");
    region.work_days.insert(*day);
  }
}

void read_calendars(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "calendar"};
  for (const yaml::Node& one : document.root.list("calendars")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    BusinessCalendar calendar;
    calendar.id = id->scalar;
    if (const yaml::Node* zone = one.find("timezone"); zone != nullptr && zone->kind == yaml::Node::Kind::text) {
      auto opened = TimeZone::open(zone->scalar);
      if (opened) {
        calendar.zone = *opened;
      } else {
        document.fault(zone->place, opened.error().reason);
      }
    }
    read_hours(document, one, calendar);
    if (calendar.day_length().count() == 0) continue;  // the schema has spoken
    if (const yaml::Node* holidays = one.find("holidays");
        holidays != nullptr && holidays->kind == yaml::Node::Kind::text)
      take_holidays(document, *holidays, draft, calendar);
    draft.domain.calendars.emplace(calendar.id, std::move(calendar));
  }
}

}  // namespace echoloop

// organisation.yaml and surveys.yaml.
#include <fmt/format.h>

#include <algorithm>

#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

void read_tenants(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "tenant"};
  for (const yaml::Node& one : document.root.list("tenants")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    Tenant tenant{id->scalar, read_bilingual(one, "name"), {}, {}};
    if (const yaml::Node* zone = one.find("timezone"); zone != nullptr && zone->kind == yaml::Node::Kind::text) {
      auto opened = TimeZone::open(zone->scalar);
      if (opened) {
        tenant.zone = *opened;
      } else {
        document.fault(zone->place, opened.error().reason);
      }
    }
    if (const yaml::Node* digest = one.find("digest")) {
      const auto day = std::find(std::begin(kWeekdays), std::end(kWeekdays), read_text(*digest, "day"));
      const auto at = read_time_of_day(document, *digest, "at");
      if (day != std::end(kWeekdays) && at) tenant.digest = {static_cast<int>(day - std::begin(kWeekdays)), *at};
    }
    draft.domain.tenants.emplace(tenant.id, tenant);
  }
}

void read_departments(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "department"};
  for (const yaml::Node& one : document.root.list("departments")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    Department department{id->scalar,
                          read_bilingual(one, "name"),
                          read_text(one, "lead"),
                          read_text(one, "manager"),
                          read_text(one, "executive"),
                          read_text(one, "entity"),
                          read_text(one, "calendar")};
    if (const yaml::Node* calendar = one.find("calendar");
        calendar != nullptr && calendar->kind == yaml::Node::Kind::text) {
      std::vector<std::string> known;
      for (const yaml::Node& other : document.root.list("calendars")) known.push_back(read_text(other, "id"));
      check_reference(document, *calendar, "calendar", known);
    }
    draft.domain.departments.emplace(id->scalar, std::move(department));
  }
  const yaml::Node* list = document.root.find("departments");
  if (list != nullptr && !draft.domain.departments.contains(std::string{kTriage})) {
    document.fault(list->place, "department 'triage' is missing: it gets what no route matches");
  }
}

std::optional<Allowance> read_allowance(const yaml::Document& document, const yaml::Node& node, std::string_view key) {
  auto elapsed = read_duration(document, node, key);
  if (!elapsed) return std::nullopt;
  return Allowance{*elapsed, node.find(key)->scalar.ends_with('d') ? elapsed->count() / kDay_ms : 0};
}

void read_due(const yaml::Document& document, Draft& draft) {
  const yaml::Node* due = document.root.find("due");
  if (due == nullptr) return;
  for (Severity severity : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    const yaml::Node* times = due->find(name_of(severity));
    if (times == nullptr) continue;
    auto acknowledge = read_allowance(document, *times, "acknowledge");
    auto done = read_allowance(document, *times, "done");
    if (!acknowledge || !done) continue;
    const auto at_least = [&](const char* key, const Allowance& read, Duration least, const char* said) {
      if (read.elapsed < least) document.fault(times->find(key)->place, said);
    };
    at_least("acknowledge", *acknowledge, Duration{1}, "must be longer than nothing");
    at_least("done", *done, acknowledge->elapsed, "is shorter than the time to acknowledge");
    DueTimes out;
    out.acknowledge = *acknowledge;
    out.done = *done;
    if (auto tell = read_allowance(document, *times, "tell")) {
      at_least("tell", *tell, Duration{1}, "must be longer than nothing");
      out.tell = *tell;
    }
    if (auto escalate = read_allowance(document, *times, "escalate")) {
      at_least("escalate", *escalate, Duration{60 * kSecond_ms}, "must be a minute at least");
      out.escalate = *escalate;
    }
    out.contact = read_allowance(document, *times, "contact");
    if (out.contact) at_least("contact", *out.contact, Duration{60 * kSecond_ms}, "must be a minute at least");
    draft.domain.due[severity] = out;
  }
  if (auto hold = read_duration(document, document.root, "hold_at_most")) draft.domain.hold_at_most = *hold;
}

std::optional<SurveyKind> kind_named(std::string_view name) {
  if (name == "csat") return SurveyKind::csat;
  if (name == "nps") return SurveyKind::nps;
  if (name == "ces") return SurveyKind::ces;
  return std::nullopt;
}

// Thousandths of a score's bound, as events limit them.
constexpr std::int64_t kScoreMax = 1'000'000'000'000;

void read_boxes(const yaml::Document& document, const yaml::Node& one, const std::string& survey, Unique& scales,
                Draft& draft) {
  auto min = read_decimal(document, one, "min", 3);
  auto max = read_decimal(document, one, "max", 3);
  auto top = read_decimal(document, one, "top_from", 3);
  auto bottom = read_decimal(document, one, "bottom_to", 3);
  auto from = read_effective_from(document, one);
  if (!min || !max || !top || !bottom || (one.find("effective_from") != nullptr && !from)) return;
  const auto inside = [&](std::int64_t value) { return *min <= value && value <= *max; };
  if (*min < -kScoreMax || *max > kScoreMax) {
    document.fault(one.place, "scores lie between -10^9 and 10^9");
  } else if (*min >= *max) {
    document.fault(one.find("max")->place, "must be above min");
  } else {
    if (!inside(*top)) document.fault(one.find("top_from")->place, "lies outside the scale (min to max)");
    if (!inside(*bottom)) document.fault(one.find("bottom_to")->place, "lies outside the scale (min to max)");
    if (inside(*top) && inside(*bottom) && *bottom >= *top) {
      document.fault(one.find("bottom_to")->place, "must be below top_from: a score cannot lie in both boxes");
    }
  }
  std::string scale = fmt::format("{}..{}{}", one.find("min")->scalar, one.find("max")->scalar,
                                  from ? " from " + format_time(*from) : std::string{});
  if (!scales.take(one.place, scale)) return;
  draft.boxes.push_back({from.value_or(kBeginning), survey, {*min, *max, *top, *bottom}});
}

}  // namespace

void read_organisation(const yaml::Document& document, Draft& draft) {
  read_tenants(document, draft);
  read_calendars(document, draft);
  read_departments(document, draft);
  read_due(document, draft);
  read_delivery(document, draft);
}

void read_surveys(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "survey"};
  for (const yaml::Node& one : document.root.list("surveys")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    draft.survey_kinds[id->scalar] = kind_named(one.text("kind").value_or("")).value_or(SurveyKind::csat);
    Unique scales{document, "scale"};
    for (const yaml::Node& boxes : one.list("boxes")) read_boxes(document, boxes, id->scalar, scales, draft);
  }
}

}  // namespace echoloop

// organisation.yaml and surveys.yaml.
#include <fmt/format.h>

#include "schemas/domain_draft.h"

namespace echoloop {
namespace {

void read_tenants(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "tenant"};
  for (const yaml::Node& one : document.root.list("tenants")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    Tenant tenant{id->scalar, read_bilingual(one, "name"), {}};
    if (const yaml::Node* zone = one.find("timezone"); zone != nullptr && zone->kind == yaml::Node::Kind::text) {
      auto opened = TimeZone::open(zone->scalar);
      if (opened) {
        tenant.zone = *opened;
      } else {
        document.fault(zone->place, opened.error().reason);
      }
    }
    draft.domain.tenants.emplace(tenant.id, tenant);
  }
}

void read_departments(const yaml::Document& document, Draft& draft) {
  Unique ids{document, "department"};
  for (const yaml::Node& one : document.root.list("departments")) {
    const yaml::Node* id = one.find("id");
    if (id == nullptr || id->kind != yaml::Node::Kind::text || !ids.take(id->place, id->scalar)) continue;
    draft.domain.departments.emplace(id->scalar,
                                     Department{id->scalar, read_bilingual(one, "name"), read_text(one, "lead")});
  }
  const yaml::Node* list = document.root.find("departments");
  if (list != nullptr && !draft.domain.departments.contains(std::string{kTriage})) {
    document.fault(list->place, "department 'triage' is missing: it gets what no route matches");
  }
}

void read_due(const yaml::Document& document, Draft& draft) {
  const yaml::Node* due = document.root.find("due");
  if (due == nullptr) return;
  for (Severity severity : {Severity::low, Severity::medium, Severity::high, Severity::critical}) {
    const yaml::Node* times = due->find(name_of(severity));
    if (times == nullptr) continue;
    auto acknowledge = read_duration(document, *times, "acknowledge");
    auto done = read_duration(document, *times, "done");
    if (!acknowledge || !done) continue;
    if (acknowledge->count() <= 0) document.fault(times->find("acknowledge")->place, "must be longer than nothing");
    if (*done < *acknowledge) {
      document.fault(times->find("done")->place, "is shorter than the time to acknowledge");
    }
    draft.domain.due[severity] = {*acknowledge, *done};
  }
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
  read_departments(document, draft);
  read_due(document, draft);
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

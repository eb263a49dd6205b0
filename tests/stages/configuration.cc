#include "tests/stages/configuration.h"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace echoloop::stages {
namespace {

constexpr std::string_view kRules = R"(thresholds:
  - {id: unhappy, version: 1, title: {zh: "{category}", en: "{category}"}, metric: dsat, group_by: [category], window: day, minimum_n: 3,
     hysteresis: 0.1, tiers: [{above: 0.3, severity: medium, escalate_to: lead}, {above: 0.5, severity: high, escalate_to: manager}]}
  - {id: unhappy-week, version: 1, title: {zh: "{group}", en: "{group}"}, metric: csat, group_by: [group], window: week, minimum_n: 2,
     tiers: [{below: 0.5, severity: low, escalate_to: lead}]}
  - {id: tagged, version: 1, title: {zh: "{tag}", en: "{tag}"}, metric: evaluations, group_by: [tag], where: {tag: [late, rude, broken]}, window: day,
     minimum_n: 1, tiers: [{above: 3, severity: low, escalate_to: lead}]}
  - {id: surge, version: 1, title: {zh: "{channel}", en: "{channel}"}, metric: sessions, group_by: [channel, category], window: day, minimum_n: 1,
     over_usual: {periods: 2}, tiers: [{above: 0.5, severity: low, escalate_to: lead}]}
recoveries:
  - {id: call-back, version: 1, title: {zh: 回电, en: Call back}, when: {unresolved: true, wants_contact: true}, severity: high}
  - {id: low, version: 1, title: {zh: 低分, en: Low}, when: {low_score: true}, severity: low}
)";

}  // namespace

DomainTexts small_house() {
  DomainTexts out;
  const std::filesystem::path folder = std::filesystem::path{ECHOLOOP_SOURCE_DIR} / "tests/behaviour/config";
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    std::ifstream in{entry.path(), std::ios::binary};
    out.emplace(entry.path().filename().string(), std::string{std::istreambuf_iterator<char>{in}, {}});
  }
  return out;
}

std::shared_ptr<const Domain> loaded(const DomainTexts& texts, bool strict_tenants, Duration session_retention) {
  auto domain = load_domain(texts);
  if (!domain) throw std::runtime_error(text_of(domain.error()));
  domain->strict_tenants = strict_tenants;
  domain->session_retention = session_retention;
  return std::make_shared<Domain>(std::move(*domain));
}

DomainTexts ruled_house() {
  DomainTexts texts = small_house();
  texts["rules.yaml"] = kRules;
  return texts;
}

}  // namespace echoloop::stages

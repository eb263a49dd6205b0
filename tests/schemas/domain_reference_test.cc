// What the files of the configuration say about each other and the schemas cannot judge.
#include <gtest/gtest.h>

#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

void expect_file_fault(const DomainTexts& texts, std::string_view text) {
  auto loaded = load_domain(texts);
  ASSERT_FALSE(loaded) << text;
  EXPECT_EQ(text_of(loaded.error()), text);
}

TEST(DomainReferences, SmallConfigurationLoadsClean) {
  auto loaded = load_domain(small_config());
  ASSERT_TRUE(loaded) << text_of(loaded.error());
}

TEST(DomainReferences, RequiredFilesMustBeThereAndOthersMayBeMissing) {
  for (const char* file : {"organisation.yaml", "taxonomy.yaml", "metrics.yaml", "rules.yaml"}) {
    DomainTexts texts = small_config();
    texts.erase(file);
    expect_file_fault(texts, fmt::format("config/{}: is missing\n", file));
  }
  DomainTexts texts = small_config();
  for (const char* file : {"surveys.yaml", "routing.yaml", "adapters/adapters.yaml"}) texts.erase(file);
  auto loaded = load_domain(texts);
  ASSERT_TRUE(loaded) << text_of(loaded.error());
  auto routed = loaded->route({{"tag", "late"}}, from_ms(2'000'000'000'000));
  EXPECT_EQ(routed.departments, std::vector<std::string>{"triage"});
  EXPECT_TRUE(loaded->counting.front().surveys.empty());
}

TEST(DomainReferences, FilesThatNobodyReadsAreFaults) {
  DomainTexts texts = small_config();
  texts["rule.yaml"] = "";
  expect_file_fault(texts, "config/rule.yaml: is none of the files that echoloop reads, did you mean 'rules.yaml'?\n");
  texts = small_config();
  texts["adapters/adapters.yml"] = "";
  expect_file_fault(texts,
                    "config/adapters/adapters.yml: is none of the files that echoloop reads, did you mean "
                    "'adapters/adapters.yaml'?\n");
}

TEST(DomainReferences, AFileThatCannotBeParsedDoesNotMakeReferencesIntoItFaults) {
  DomainTexts texts = small_config();
  texts["organisation.yaml"] = "tenants: [";
  texts["taxonomy.yaml"] = "tags: [";
  texts["metrics.yaml"] = "metrics: [";
  auto loaded = load_domain(texts);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().size(), 3u) << text_of(loaded.error());
}

TEST(DomainReferences, IdsStandOnce) {
  expect_fault("organisation.yaml", "due:", "  - {id: ‸design, name: {zh: x, en: x}}\ndue:",
               "department 'design' stands twice (first in line 6)");
  expect_fault("organisation.yaml",
               "departments:", "  - {id: ‸hongtu, name: {zh: x, en: x}, timezone: UTC}\ndepartments:",
               "tenant 'hongtu' stands twice (first in line 2)");
  expect_fault("surveys.yaml", "id: nps", "id: ‸chat", "survey 'chat' stands twice (first in line 2)");
  expect_fault("taxonomy.yaml", "  - {id: safety,",
               "  - {id: safety, version: 1, title: {zh: x, en: x}, tags: [late]}\n  - {id: ‸safety,",
               "red line 'safety' stands twice (first in line 8)");
  expect_fault("rules.yaml", "id: call-back", "id: ‸surge", "rule 'surge' stands twice (first in line 12)");
  expect_fault("rules.yaml", "id: call-back", "id: ‸safety", "'safety' is a red line of taxonomy.yaml already");
  expect_fault(
      "metrics.yaml", "dimension_sets:",
      "  - {name: ‸dsat, version: 1, formula: f, unit: u, source: s, owner: o, audience: internal}\ndimension_sets:",
      "metric 'dsat' stands twice (first in line 2)");
  expect_fault("metrics.yaml", "  - [channel, category]\n", "  - [channel, category]\n  - ‸[category, channel]\n",
               "dimension set '[category, channel]' stands twice (first in line 8)");
}

TEST(DomainReferences, OrganisationIsSound) {
  expect_fault("organisation.yaml", "timezone: Asia/Shanghai", "timezone: ‸Asia/Shangai",
               "'Asia/Shangai' is not a time zone (IANA name, for example Asia/Shanghai)");
  DomainTexts texts = small_config();
  texts.erase("routing.yaml");
  expect_fault(texts, "organisation.yaml",
               "departments:\n  - {id: design, name: {zh: 产品设计, en: Product design}, lead: ann}\n  - {id: "
               "last-mile, name: {zh: 末端配送, en: Last mile}}\n  - {id: triage,",
               "departments:\n  ‸- {id: sorting,", "department 'triage' is missing: it gets what no route matches");
  expect_fault("organisation.yaml", "{acknowledge: 15m, done: 4h}", "{acknowledge: ‸15, done: 4h}",
               "is a duration and needs a unit (ms, s, m, h or d) as in 4h, but is '15'");
  expect_fault("organisation.yaml", "{acknowledge: 15m, done: 4h}", "{acknowledge: ‸15 min, done: 4h}",
               "'15 min' is not a duration (a number with ms, s, m, h or d)");
  expect_fault("organisation.yaml", "{acknowledge: 15m, done: 4h}", "{acknowledge: 15m, done: ‸4m}",
               "is shorter than the time to acknowledge");
  expect_fault("organisation.yaml", "{acknowledge: 15m, done: 4h}", "{acknowledge: ‸0s, done: 4h}",
               "must be longer than nothing");
}

TEST(DomainReferences, BoxesLieInsideTheirScale) {
  constexpr std::string_view kBoxes = "{min: 1, max: 5, top_from: 4, bottom_to: 2}";
  const auto expect = [&](std::string_view with, std::string_view message) {
    expect_fault("surveys.yaml", kBoxes, with, message);
  };
  expect("{min: 1, max: ‸1, top_from: 1, bottom_to: 1}", "must be above min");
  expect("{min: 1, max: 5, top_from: ‸6, bottom_to: 2}", "lies outside the scale (min to max)");
  expect("{min: 1, max: 5, top_from: 4, bottom_to: ‸0}", "lies outside the scale (min to max)");
  expect("{min: 1, max: 5, top_from: 4, bottom_to: ‸4}", "must be below top_from: a score cannot lie in both boxes");
  expect("{min: ‸0.0001, max: 5, top_from: 4, bottom_to: 2}", "'0.0001' has more than 3 decimals");
  expect("‸{min: 1, max: 2000000000, top_from: 4, bottom_to: 2}", "scores lie between -10^9 and 10^9");
  expect("{min: 1, max: 5, top_from: 4, bottom_to: 2}\n      - ‸{min: 1, max: 5, top_from: 5, bottom_to: 2}",
         "scale '1..5' stands twice (first in line 5)");
  expect("{min: 1, max: 5, top_from: 4, bottom_to: 2, effective_from: ‸2026-13-01T00:00:00Z}",
         "'2026-13-01T00:00:00Z' is not an RFC 3339 time: no such day");
}

TEST(DomainReferences, ATextStandsForOneTagAfterNormalising) {
  expect_fault("taxonomy.yaml", "[impolite]", "[‸ＳＬＯＷ　parcel]",
               "'ＳＬＯＷ　parcel' already stands for tag 'late' (line 2), it cannot stand for 'rude' too");
  expect_fault("taxonomy.yaml", "[impolite]", "[‸快遞慢]",
               "'快遞慢' already stands for tag 'late' (line 2), it cannot stand for 'rude' too");
  expect_fault("taxonomy.yaml", "[impolite]", "[‸LATE]",
               "'LATE' already stands for tag 'late' (line 2), it cannot stand for 'rude' too");
  expect_fault("taxonomy.yaml", "[impolite]", "[‸late delivery]",
               "'late delivery' already stands for tag 'late' (line 2), it cannot stand for 'rude' too");
  expect_fault("taxonomy.yaml", "[impolite]", "[{text: ‸快递慢, effective_from: 2026-06-01T00:00:00+08:00}]",
               "'快递慢' already stands for tag 'late' (line 2), it cannot stand for 'rude' too");
  expect_fault("taxonomy.yaml", "[impolite]", "[‸'  ']", "'  ' is empty after normalising");
  Domain domain =
      load_changed("taxonomy.yaml", "[impolite]", "[impolite, IMPOLITE, 态度差]");  // its own again does no harm
  EXPECT_EQ(domain.counting.front().canonical("impolite"), "rude");
}

TEST(DomainReferences, RedLinesNameTagsAndCanFire) {
  expect_fault("taxonomy.yaml", "tags: [rude]", "tags: [‸rudde]", "unknown tag 'rudde', did you mean 'rude'?");
  expect_fault("taxonomy.yaml", "[着火, Caught Fire]", "[‸'　']",
               "'　' is empty after normalising: it would match every comment");
  expect_fault("taxonomy.yaml",
               "- {id: safety, version: 1, title: {zh: 安全, en: Safety}, tags: [rude], words: [着火, Caught Fire]}",
               "- ‸{id: safety, version: 1, title: {zh: 安全, en: Safety}, tags: [], words: []}",
               "red line 'safety' has neither tags nor words: it would never fire");
}

TEST(DomainReferences, RulesWatchMetricsThatCanOpenTasks) {
  expect_fault(
      "metrics.yaml", "dimension_sets:",
      "  - {name: ‸cst, version: 1, formula: f, unit: u, source: s, owner: o, audience: internal}\ndimension_sets:",
      "unknown metric 'cst', did you mean 'csat'?");
  expect_fault("rules.yaml", "metric: dsat", "metric: ‸dsta", "unknown metric 'dsta', did you mean 'dsat'?");
  expect_fault("rules.yaml", "metric: dsat", "metric: ‸csat", "metric 'csat' does not stand in metrics.yaml");
  expect_fault("rules.yaml", "metric: dsat", "metric: ‸nps",
               "metric 'nps' cannot open tasks; these can: sessions, evaluations, csat, dsat, resolved_rate, "
               "unresolved_rate, response_rate, "
               "coverage, resolution_mismatch_rate, csat_all_handlers");
  DomainTexts texts = small_config();
  texts["metrics.yaml"].insert(
      texts["metrics.yaml"].find("dimension_sets"),
      "  - {name: csat_all_handlers, version: 1, formula: f, unit: u, source: s, owner: o, audience: internal}\n");
  texts["rules.yaml"].replace(texts["rules.yaml"].find("metric: dsat"), 12, "metric: csat_all_handlers");
  expect_fault(texts, "rules.yaml", "group_by: [category]", "group_by: ‸[category]",
               "metric 'csat_all_handlers' exists only by agent, group or department");
}

TEST(DomainReferences, RulesGroupByStoredSets) {
  expect_fault("rules.yaml", "group_by: [tag]", "group_by: ‸[tag, moment]",
               "[tag, moment] is none of the dimension_sets of metrics.yaml");
  expect_fault("rules.yaml", "group_by: [category]", "group_by: ‸[category, channel]",
               "metrics.yaml keeps this set as [channel, category]: write it in that order");
  expect_fault("rules.yaml", "where: {tag: [late]}", "where: {tag: [late], ‸channel: [web]}",
               "'channel' is not in group_by");
  expect_fault("rules.yaml", "where: {tag: [late]}", "where: {tag: [‸lte]}", "unknown tag 'lte', did you mean 'late'?");
  expect_fault("rules.yaml", "where: {tag: [late]}", "where: {tag: [‸快遞慢]}",
               "'快遞慢' is a text for tag 'late': write the tag's id");
  expect_fault("rules.yaml", "    window: week\n", "    tenants: [‸hongtoo]\n    window: week\n",
               "unknown tenant 'hongtoo', did you mean 'hongtu'?");
  expect_fault("rules.yaml", "when: {unresolved", "tenants: [‸acme]\n    when: {unresolved", "unknown tenant 'acme'");
  expect_fault("rules.yaml", "\"Unhappy in {category}\"", "‸\"Unhappy in {group}\"",
               "'{group}' in the title is not in group_by");
}

TEST(DomainReferences, TiersRiseWithinSaneBounds) {
  expect_fault("rules.yaml", "above: 0.45", "above: ‸0.3", "must lie above the tier before it");
  expect_fault("rules.yaml", "above: 0.45", "above: ‸45",
               "'dsat' is a rate: its bounds lie between 0 and 1 (0.3 for 30 %)");
  expect_fault("rules.yaml", "above: 0.45", "above: ‸0.45000001", "'0.45000001' has more than 6 decimals");
  expect_fault("rules.yaml", "above: 30", "above: ‸0", "must be above 0");
  expect_fault("rules.yaml", "above: 30", "below: ‸30",
               "'evaluations' is a count, and a count has no cases below a bound: only rates do");
  expect_fault("rules.yaml", "above: 0.45", "below: ‸0.25", "tiers of one rule are all 'above' or all 'below'");
  expect_fault("rules.yaml", "above: 0.45, severity: high", "above: 0.45, severity: ‸low",
               "is milder than the tier before it");
  expect_fault("rules.yaml", "escalate_to: manager", "escalate_to: ‸person",
               "stands lower on the ladder than the tier before it");
  expect_fault("rules.yaml", "hysteresis: 0.05", "hysteresis: ‸0.3",
               "reaches down to zero from the first tier: it could never fire again");
  expect_fault("rules.yaml", "hysteresis: 0.05", "hysteresis: ‸-0.1", "'-0.1' is below 0");
  expect_fault("rules.yaml", "reopen_within: 28d", "reopen_within: ‸4 weeks",
               "'4 weeks' is not a duration (a number with ms, s, m, h or d)");
}

TEST(DomainReferences, BoundsBelowFallAndOverUsualOnlyRises) {
  constexpr std::string_view kTiers = "{above: 0.3, severity: medium, escalate_to: lead}\n      - {above: 0.45,";
  expect_fault("rules.yaml", kTiers, "{below: 0.3, severity: medium, escalate_to: lead}\n      - {below: ‸0.45,",
               "must lie below the tier before it");
  Domain domain =
      load_changed("rules.yaml", kTiers, "{below: 0.9, severity: medium, escalate_to: lead}\n      - {below: 0.8,");
  EXPECT_TRUE(domain.thresholds.front().below);
  EXPECT_EQ(domain.thresholds.front().tiers.back().bound_ppm, 800'000);
  domain = load_changed("rules.yaml", "window: week", "window: week\n    over_usual: {periods: 4}");
  EXPECT_EQ(domain.thresholds.back().usual_periods, 4);
  expect_fault("rules.yaml", "window: week\n    reopen_within: 28d\n    tiers:\n      - {above: 30,",
               "window: week\n    over_usual: {periods: 4}\n    tiers:\n      - {below: ‸0.2,",
               "over_usual knows 'above' only");
}

TEST(DomainReferences, RoutesNameWhatExists) {
  expect_fault("routing.yaml", "departments: [design]", "departments: [‸desing]",
               "unknown department 'desing', did you mean 'design'?");
  expect_fault("routing.yaml", "{tag: late}", "{tag: ‸lat}", "unknown tag 'lat', did you mean 'late'?");
  expect_fault("routing.yaml", "{rule: unhappy}", "{rule: ‸unhapy}", "unknown rule 'unhapy', did you mean 'unhappy'?");
  expect_fault("routing.yaml", "{rule: unhappy}", "{category: ‸delivery/}",
               "'delivery/' is not a path such as delivery/late");
  expect_fault("routing.yaml", "{rule: unhappy}", "‸{tag: late}",
               "has the same conditions as the route in line 5, which always wins");
  EXPECT_EQ(load_changed("routing.yaml", "{rule: unhappy}", "{rule: safety}")
                .route({{"rule", "safety"}}, from_ms(2'000'000'000'000))
                .departments,
            std::vector<std::string>{"design"});
}

TEST(DomainReferences, RoutingVersionsRiseWithTime) {
  constexpr std::string_view kEnd = "      - {match: {rule: unhappy}, departments: [design]}\n";
  const auto expect = [&](std::string_view with, std::string_view message) {
    expect_fault("routing.yaml", kEnd, std::string{kEnd} + std::string{with}, message);
  };
  expect("  - {version: ‸1, effective_from: 2026-01-01T00:00:00Z, routes: []}\n",
         "version '1' stands twice (first in line 2)");
  expect("  - {version: 2, effective_from: ‸2020-01-01T08:00:00+08:00, routes: []}\n",
         "effective_from '2020-01-01T00:00:00Z' stands twice (first in line 3)");
  expect("  - {version: ‸2, effective_from: 2019-01-01T00:00:00Z, routes: []}\n",
         "versions must rise with effective_from");
}

TEST(DomainReferences, AdaptersNameFilesThatAreThere) {
  expect_fault("adapters/adapters.yaml", "file: desk.jq", "file: ‸disk.jq", "there is no file adapters/disk.jq");
  expect_fault("adapters/adapters.yaml", "example: examples/desk.ndjson", "example: ‸../desk.ndjson",
               "'../desk.ndjson' is not a path below config/adapters, without ..");
}

TEST(DomainReferences, ASignatureThatProvesNothingIsAFault) {
  const auto expect = [](std::string_view with, std::string_view message) {
    expect_fault("adapters/adapters.yaml", "{scheme: hmac-sha256, header: X-Signature, secret_env: DESK_SECRET}", with,
                 message);
  };
  constexpr std::string_view kPlaces = "exactly one of 'header', 'query', 'body_field' must stand here";
  expect("‸{scheme: hmac-sha256, secret_env: S}", kPlaces);
  expect("‸{scheme: hmac-sha256, header: S, query: s, secret_env: S}", kPlaces);
  expect("{scheme: hmac-sha256, header: S, signed: ‸'{time}', timestamp_header: T, secret_env: S}",
         "signs no body: {body} or {md5} must be part of it");
  constexpr std::string_view kOpen = "anybody can compute it: without hmac, {secret} must be part of it";
  expect("{scheme: sha1, header: S, signed: ‸'{body}', secret_env: S}", kOpen);
  expect("‸{scheme: sha256, header: S, secret_env: S}", kOpen);
  expect("{scheme: hmac-sha1, header: S, signed: ‸'{time}{body}', secret_env: S}",
         "{time} needs 'timestamp_header' or 'timestamp_query'");
  expect("{scheme: hmac-sha1, header: S, signed: ‸'{body}', timestamp_query: t, secret_env: S}",
         "a timestamp that is not signed proves nothing: {time} must be part of it");
  expect("{scheme: hmac-sha1, header: S, timestamp_header: T, timestamp_query: ‸t, secret_env: S}",
         "a timestamp stands in one place: 'timestamp_header' or 'timestamp_query'");
  expect("{scheme: hmac-sha1, header: S, untimed: ‸'{body}', secret_env: S}",
         "needs 'timestamp_header' or 'timestamp_query'");
  expect("{scheme: token, header: S, encoding: ‸base64, secret_env: S}",
         "a token is the secret itself: nothing is signed");
}

}  // namespace
}  // namespace echoloop

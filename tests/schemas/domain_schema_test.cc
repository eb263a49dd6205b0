// What the schemas of config/ refuse, said with place and hint.
#include "schemas/domain_schema.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

TEST(DomainSchema, TellsUnknownKeysAndWhatWasMeant) {
  expect_fault("rules.yaml", "hysteresis:", "‸histeresis:", "unknown key 'histeresis', did you mean 'hysteresis'?");
  expect_fault(
      "organisation.yaml", "tenants:", "‸colour: red\ntenants:",
      "unknown key 'colour'; known here: calendars, delivery, departments, due, hold_at_most, public_url, tenants");
  expect_fault("metrics.yaml", "minimum_n: 5", "‸minimun_n: 5", "unknown key 'minimun_n', did you mean 'minimum_n'?");
  expect_fault("routing.yaml", "{tag: late}", "{‸tga: late}", "unknown key 'tga', did you mean 'tag'?");
  expect_fault("surveys.yaml", "bottom_to: 2", "bottom_to: 2, ‸effective: x",
               "unknown key 'effective'; known here: bottom_to, effective_from, max, min, top_from");
  expect_fault("adapters/adapters.yaml", "{scheme: hmac-sha256,", "{scheme: hmac-sha256, ‸prefx: v1,",
               "unknown key 'prefx', did you mean 'prefix'?");
  expect_fault("rules.yaml", "where: {tag: [late]}", "where: {tag: [late], ‸colour: [red]}",
               "unknown key 'colour'; known here: agent, agent_tag, bot, category, category1, channel, delay, "
               "department, entity, group, "
               "language, moment, question, review_tag, routing_version, survey, survey_version, tag");
}

TEST(DomainSchema, TellsMissingKeys) {
  expect_fault("organisation.yaml", "  - id: hongtu\n    name: {zh: 鸿图商城, en: Hongtu Retail}\n",
               "  - ‸id: hongtu\n", "key 'name' is missing");
  expect_fault("rules.yaml", "  - id: surge\n    version: 1\n", "  - ‸id: surge\n", "key 'version' is missing");
  expect_fault("routing.yaml", "{match: {tag: late}, departments: [last-mile, design]}", "‸{match: {tag: late}}",
               "key 'departments' is missing");
  expect_fault(
      "rules.yaml",
      "{above: 0.3, severity: medium, escalate_to: lead}\n      - {above: 0.45, severity: high, escalate_to: manager}",
      "{above: 0.3, severity: high, escalate_to: lead}\n      - ‸{above: 0.45, escalate_to: manager}",
      "key 'severity' is missing");
}

TEST(DomainSchema, TellsWrongTypes) {
  expect_fault("organisation.yaml", "id: hongtu", "id: ‸1001", "must be a text, but is '1001': put it in quotes");
  expect_fault("organisation.yaml", "lead: ann", "lead: ‸true", "must be a text, but is 'true': put it in quotes");
  expect_fault("rules.yaml", "version: 3", "version: ‸three", "must be a whole number, but is 'three'");
  expect_fault("rules.yaml", "version: 3", "version: ‸3.5", "must be a whole number, but is '3.5'");
  expect_fault("rules.yaml", "unresolved: true", "unresolved: ‸yes", "must be true or false, but is 'yes'");
  expect_fault("rules.yaml", "group_by: [tag]", "group_by: ‸tag", "must be a list, but is 'tag'");
  expect_fault("taxonomy.yaml", "aliases: [impolite]", "aliases: [‸[impolite]]",
               "must be a text or a map of keys, but is a list");
  expect_fault("organisation.yaml", "lead: ann", "‸lead:", "must be a text, but is nothing");
}

TEST(DomainSchema, TellsThatADurationLacksItsUnit) {
  expect_fault("organisation.yaml", "done: 4h", "done: ‸4",
               "is a duration and needs a unit (ms, s, m, h or d) as in 4h, but is '4'");
}

TEST(DomainSchema, TellsValuesOutOfTheirBounds) {
  expect_fault("rules.yaml", "window: week", "window: ‸weeks",
               "'weeks' is none of hour, day, week, did you mean 'week'?");
  expect_fault("rules.yaml", "severity: high\n", "severity: ‸urgent\n",
               "'urgent' is none of low, medium, high, critical");
  expect_fault("rules.yaml", "version: 3", "version: ‸0", "'0' is below 1");
  expect_fault("rules.yaml", "version: 3", "version: ‸1000001", "'1000001' is above 1000000");
  expect_fault("rules.yaml", "id: surge", "id: ‸Surge 1",
               "'Surge 1' is not lower-case letters, digits, - and _, beginning with a letter or digit");
  expect_fault("organisation.yaml", "id: hongtu", "id: ‸'a,b'",
               "'a,b' is not an id without commas, not beginning or ending with a space");
  expect_fault("rules.yaml", "when: {unresolved: true, wants_contact: true}", "when: ‸{}",
               "must have at least one of low_score, unresolved, wants_contact");
  expect_fault("metrics.yaml", "  - [channel, category]", "  - [channel, ‸channel]", "'channel' stands twice");
  expect_fault("routing.yaml", "[last-mile, design]", "‸[]", "must have at least 1 entry");
  expect_fault("organisation.yaml", "en: Hongtu Retail", "en: ‸''", "must not be empty");
  expect_fault("organisation.yaml", "en: Hongtu Retail", "en: ‸" + std::string(201, 'x'),
               "is longer than 200 characters");
  expect_fault("metrics.yaml", "  - [channel, category]", "  - ‸[channel, category, group, agent, bot]",
               "has more than 4 entries");
}

// Comparing each entry with each, and saying so of each pair, took minutes.
TEST(DomainSchema, TellsOfALongListOfEqualEntriesOnce) {
  DomainTexts texts = small_config();
  texts["adapters/adapters.yaml"] += "    parameters: [" + std::string(5000, ',') + "x]\n";
  auto loaded = load_domain(texts);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(std::count_if(loaded.error().begin(), loaded.error().end(),
                          [](const DomainFault& fault) { return fault.message == "nothing stands twice"; }),
            1);
}

TEST(DomainSchema, TellsAlternativesAsAWhole) {
  expect_fault("rules.yaml", "- {above: 30, severity", "- ‸{severity",
               "exactly one of 'above', 'below' must stand here");
  expect_fault("rules.yaml", "{above: 30,", "‸{above: 30, below: 0.2,",
               "exactly one of 'above', 'below' must stand here");
  expect_fault("adapters/adapters.yaml", "{scheme: hmac-sha256, header: X-Signature, secret_env: DESK_SECRET}",
               "‸{scheme: hmac-sha256, header: X-Signature}",
               "exactly one of 'secret_file', 'secret_env' must stand here");
  expect_fault("taxonomy.yaml",
               "{id: safety, version: 1, title: {zh: 安全, en: Safety}, tags: [rude], words: [着火, Caught Fire]}",
               "‸{id: safety, version: 1, title: {zh: 安全, en: Safety}}",
               "at least one of 'tags', 'words' must stand here");
}

TEST(DomainSchema, TellsAllFaultsOfAllFilesInOrder) {
  DomainTexts texts = small_config();
  texts["surveys.yaml"] = "surveys:\n  - {id: a, kind: cst, colour: red, size: 3}\n  - {kind: nps}\n  - 7\n";
  texts["routing.yaml"] = "versions:\n  - {version: 1, effective_from: soon, routes: []}\n";
  texts["rules.yaml"] += "    sevrity: low\n";
  auto loaded = load_domain(texts);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(text_of(loaded.error()),
            "config/routing.yaml:2:34: 'soon' is not an RFC 3339 time: wanted YYYY-MM-DDThh:mm:ss and an offset\n"
            "config/rules.yaml:28:5: unknown key 'sevrity', did you mean 'severity'?\n"
            "config/surveys.yaml:2:19: 'cst' is none of csat, nps, ces, did you mean 'csat'?\n"
            "config/surveys.yaml:2:24: unknown key 'colour'; known here: boxes, id, kind\n"
            "config/surveys.yaml:2:37: unknown key 'size'; known here: boxes, id, kind\n"
            "config/surveys.yaml:3:5: key 'id' is missing\n"
            "config/surveys.yaml:4:5: must be a map of keys, but is '7'\n");
}

TEST(DomainSchema, FindsTheNearestWord) {
  EXPECT_EQ(nearest("tiemzone", {"timezone", "name", "id"}), "timezone");
  EXPECT_EQ(nearest("colour", {"timezone", "name", "id"}), "");
  EXPECT_EQ(nearest("idd", {"name", "id"}), "id");
}

}  // namespace
}  // namespace echoloop

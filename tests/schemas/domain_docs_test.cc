// docs/configuration.md says exactly what the schemas allow, and its examples load; every schema refuses unknown keys.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "schemas/domain_schema.h"
#include "tests/schemas/domain_fixture.h"

namespace echoloop {
namespace {

using Json = nlohmann::json;
using Needs = std::map<std::string, std::string>;  // key path → yes, no, one of, at least one of

const std::map<std::string, std::string> kFileOf = {{"organisation", "organisation.yaml"},
                                                    {"surveys", "surveys.yaml"},
                                                    {"taxonomy", "taxonomy.yaml"},
                                                    {"metrics", "metrics.yaml"},
                                                    {"rules", "rules.yaml"},
                                                    {"routing", "routing.yaml"},
                                                    {"adapters", "adapters/adapters.yaml"},
                                                    {"calendar_year", "calendars/*.yaml"}};

Json schema_named(const std::string& name) {
  return Json::parse(find_embedded(kConfigSchemas, "config/" + name + ".schema.json").value());
}

const Json& resolved(const Json& root, const Json& schema) {
  return schema.contains("$ref") ? root.at("definitions").at(schema.at("$ref").get<std::string>().substr(14)) : schema;
}

bool stands_in(const Json& alternatives, const std::string& key) {
  for (const Json& one : alternatives) {
    for (const Json& required : one.at("required")) {
      if (required == key) return true;
    }
  }
  return false;
}

std::string need_of(const Json& schema, const std::string& key) {
  for (const Json& required : schema.value("required", Json::array())) {
    if (required == key) return "yes";
  }
  if (stands_in(schema.value("oneOf", Json::array()), key)) return "one of";
  if (stands_in(schema.value("anyOf", Json::array()), key)) return "at least one of";
  return "no";
}

void collect(const Json& root, const Json& schema, const std::string& path, Needs& needs) {
  const Json properties = schema.value("properties", Json::object());
  for (const auto& [key, value] : properties.items()) {
    const std::string reference = value.value("$ref", "");
    const std::string shown =
        reference == "#/definitions/values" ? "DIMENSION" : key;  // one row stands for all of them
    const std::string here = path.empty() ? shown : path + "." + shown;
    needs[here] = need_of(schema, key);
    if (reference == "#/definitions/bilingual") continue;
    const Json& inner = resolved(root, value);
    collect(root, inner, here, needs);
    if (inner.contains("items")) collect(root, resolved(root, inner.at("items")), here + "[]", needs);
  }
}

std::string page() {
  std::ifstream in{std::string{ECHOLOOP_SOURCE_DIR} + "/docs/configuration.md"};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// The part of the page under "## name".
std::string section(const std::string& name) {
  const std::string text = page();
  std::size_t begin = text.find("\n## " + name + "\n");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find("\n## ", begin + 1) - begin);
}

// Rows "| `key` | value | needed | meaning |".
Needs table_of(const std::string& text) {
  Needs needs;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells;
    std::istringstream row{line.substr(1)};
    for (std::string cell; std::getline(row, cell, '|');) cells.push_back(cell.substr(1, cell.size() - 2));
    EXPECT_EQ(cells.size(), 4u) << line;
    EXPECT_FALSE(cells.at(3).empty()) << line;
    EXPECT_TRUE(needs.emplace(cells[0].substr(1, cells[0].size() - 2), cells[2]).second) << "twice: " << line;
  }
  return needs;
}

std::string example_of(const std::string& text) {
  constexpr std::string_view kFence = "```yaml\n";
  std::size_t begin = text.find(kFence) + kFence.size();
  return text.substr(begin, text.find("```", begin) - begin);
}

void expect_closed(const Json& schema, const std::string& where) {
  if (schema.is_array()) {
    for (const Json& one : schema) expect_closed(one, where);
  }
  if (!schema.is_object()) return;
  if (schema.contains("properties") && schema.contains("type")) {
    EXPECT_EQ(schema.value("additionalProperties", Json{}), Json(false)) << where;
  }
  for (const auto& [key, value] : schema.items()) expect_closed(value, where + "/" + key);
}

TEST(ConfigurationPage, HasARowForEveryKeyAndNoOther) {
  ASSERT_EQ(kConfigSchemas.size(), kFileOf.size());
  for (const auto& [schema, file] : kFileOf) {
    Needs wanted;
    const Json root = schema_named(schema);
    collect(root, root, "", wanted);
    EXPECT_GE(wanted.size(), 3u);
    EXPECT_EQ(table_of(section(file)), wanted) << file;
  }
}

TEST(ConfigurationPage, ItsExamplesTogetherAreAConfiguration) {
  DomainTexts texts;
  for (const auto& [schema, file] : kFileOf) texts[file] = example_of(section(file));
  for (const char* file : {"chatwoot.jq", "examples/chatwoot.ndjson", "examples/chatwoot.expected.ndjson"}) {
    texts[std::string{"adapters/"} + file] = "";
  }
  auto loaded = load_domain(texts);
  ASSERT_TRUE(loaded) << text_of(loaded.error());
  EXPECT_EQ(loaded->thresholds.size(), 1u);
  EXPECT_EQ(loaded->adapters.at("chatwoot").signature->headers.at(0), "X-Chatwoot-Signature");
  EXPECT_EQ(loaded->counting.size(), 3u);  // an alias and a set in June, boxes in July
}

TEST(ConfigurationPage, NamesTheMetricsThatRulesMayWatch) {
  const std::string text = section("rules.yaml");
  const std::string sentence = text.substr(text.find("Metrics that a threshold may watch"), 400);
  for (const MetricForm& form : kMetricForms) {
    const bool named = sentence.find(fmt::format("`{}`", form.name)) != std::string::npos;
    EXPECT_EQ(named, form.in_rules) << form.name;
  }
}

TEST(ConfigurationSchemas, RefuseUnknownKeysEverywhere) {
  for (const auto& [schema, file] : kFileOf) expect_closed(schema_named(schema), schema);
}

TEST(ConfigurationSchemas, KnowTheSameWordsAsTheProgram) {
  std::set<std::string> dimensions;
  for (std::string_view one : kDimensions) dimensions.emplace(one);
  const Json rules = schema_named("rules"), metrics = schema_named("metrics");
  EXPECT_EQ(rules.at("/definitions/dimension/enum"_json_pointer).get<std::set<std::string>>(), dimensions);
  EXPECT_EQ(metrics.at("/definitions/dimension/enum"_json_pointer).get<std::set<std::string>>(), dimensions);
  std::set<std::string> limits;
  for (const auto& [key, value] :
       rules.at("/properties/thresholds/items/properties/where/properties"_json_pointer).items())
    limits.insert(key);
  EXPECT_EQ(limits, dimensions);

  std::set<std::string> moments{"unknown"};
  for (std::string_view one : kMoments) moments.emplace(one);
  const Json taxonomy = schema_named("taxonomy"), routing = schema_named("routing");
  EXPECT_EQ(taxonomy.at("/properties/tags/items/properties/moment/enum"_json_pointer).get<std::set<std::string>>(),
            moments);
  EXPECT_EQ(
      routing
          .at("/properties/versions/items/properties/routes/items/properties/match/properties/moment/enum"_json_pointer)
          .get<std::set<std::string>>(),
      moments);
}

}  // namespace
}  // namespace echoloop

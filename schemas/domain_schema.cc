#include "schemas/domain_schema.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace echoloop {
namespace {

using Json = nlohmann::json;

// A place both in the document and in the schema that speaks about it.
struct Spot {
  const yaml::Node* node = nullptr;
  const Json* schema = nullptr;
};

const Json* resolve(const Json& root, const Json* schema) {
  while (schema != nullptr && schema->contains("$ref")) {
    schema = &root.at(Json::json_pointer{schema->at("$ref").get<std::string>().substr(1)});
  }
  return schema;
}

// Follows valijson's context: "<root>", "[thresholds]", "[0]", …
Spot find_spot(const Json& root, const yaml::Document& document, const std::vector<std::string>& context) {
  Spot spot{&document.root, resolve(root, &root)};
  for (std::size_t i = 1; i < context.size(); ++i) {
    std::string step = context[i].substr(1, context[i].size() - 2);
    const yaml::Node* node = nullptr;
    const Json* schema = nullptr;
    if (spot.node->kind == yaml::Node::Kind::list) {
      node = &spot.node->items.at(std::stoul(step));
      if (spot.schema->contains("items")) schema = &spot.schema->at("items");
    } else {
      node = spot.node->find(step);
      if (spot.schema->contains("properties") && spot.schema->at("properties").contains(step)) {
        schema = &spot.schema->at("properties").at(step);
      }
    }
    if (node == nullptr || schema == nullptr) break;
    spot = {node, resolve(root, schema)};
  }
  return spot;
}

std::vector<std::string> keys_of(const Json& schema) {
  std::vector<std::string> keys;
  if (schema.contains("properties")) {
    for (const auto& [key, value] : schema.at("properties").items()) keys.push_back(key);
  }
  return keys;
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string shown(const yaml::Node& node) {
  switch (node.kind) {
    case yaml::Node::Kind::null:
      return "nothing";
    case yaml::Node::Kind::list:
      return "a list";
    case yaml::Node::Kind::map:
      return "a map of keys";
    default:
      return fmt::format("'{}'", node.scalar.substr(0, 64));
  }
}

std::string type_words(const Json& schema) {
  static const std::map<std::string, std::string, std::less<>> kWords = {
      {"string", "a text"},         {"integer", "a whole number"}, {"number", "a number"},
      {"boolean", "true or false"}, {"array", "a list"},           {"object", "a map of keys"}};
  std::vector<std::string> words;
  const Json& type = schema.at("type");
  for (const Json& one : type.is_array() ? type : Json::array({type}))
    words.push_back(kWords.at(one.get<std::string>()));
  return fmt::format("{}", fmt::join(words, " or "));
}

constexpr const char* kUnique = "uniqueItems";

// What entries must differ valijson finds out by comparing each with each, and says of each pair.
void leave_out_unique(Json& schema) {
  if (schema.is_object() && schema.contains(kUnique) && schema.at(kUnique).is_boolean()) schema.erase(kUnique);
  for (Json& inside : schema) {
    if (inside.is_structured()) leave_out_unique(inside);
  }
}

class Explainer {
 public:
  Explainer(const Json& schema, const yaml::Document& document) : schema_(schema), document_(document) {}

  void explain(const valijson::ValidationResults::Error& error) {
    const Spot spot = find_spot(schema_, document_, error.context);
    const Json& schema = *spot.schema;
    const yaml::Node& node = *spot.node;
    const std::string& says = error.description;
    const auto starts = [&](std::string_view prefix) { return says.starts_with(prefix); };
    const auto limit = [&](const char* key) { return schema.contains(key) ? schema.at(key).dump() : std::string{"?"}; };

    if (starts("Object contains a property")) {
      unknown_keys(node, schema);
    } else if (starts("Missing required property")) {
      missing_key(node, schema, says);
    } else if (starts("Value type not permitted")) {
      wrong_type(node, schema);
    } else if (starts("Failed to match against any enum")) {
      if (node.kind != yaml::Node::Kind::text) return;  // its type is a fault already
      auto allowed = schema.at("enum").get<std::vector<std::string>>();
      add(node.place,
          fmt::format("{} is none of {}{}", shown(node), joined(allowed), did_you_mean(node.scalar, allowed)));
    } else if (starts("Failed to match regex")) {
      add(node.place,
          fmt::format("{} is not {}", shown(node), schema.value("$comment", "as wanted: " + limit("pattern"))));
    } else if (starts("Expected number less")) {
      add(node.place, fmt::format("{} is above {}", shown(node), limit("maximum")));
    } else if (starts("Expected number greater")) {
      add(node.place, fmt::format("{} is below {}", shown(node), limit("minimum")));
    } else if (starts("Array should contain no more")) {
      add(node.place, fmt::format("has more than {} entries", limit("maxItems")));
    } else if (starts("Array should contain no fewer")) {
      add(node.place,
          fmt::format("must have at least {} {}", limit("minItems"), limit("minItems") == "1" ? "entry" : "entries"));
    } else if (starts("String should be no more")) {
      add(node.place, fmt::format("is longer than {} characters", limit("maxLength")));
    } else if (starts("String should be no fewer")) {
      add(node.place, "must not be empty");
    } else if (starts("Object should have no fewer")) {
      add(node.place, fmt::format("must have at least one of {}", joined(keys_of(schema))));
    } else if (says.ends_with("oneOf constraint.") || starts("Failed to validate against exactly one child")) {
      add(node.place, fmt::format("exactly one of {} must stand here", alternatives(schema, "oneOf")));
    } else if (says.ends_with("anyOf constraint.")) {
      add(node.place, fmt::format("at least one of {} must stand here", alternatives(schema, "anyOf")));
    } else if (!starts("Failed to validate")) {  // those only repeat, one level up, what was said below
      add(node.place, says);
    }
  }

  // Entries that stand twice in a list whose entries must differ, here and below.
  void explain_doubles(const yaml::Node& node, const Json& at) {
    const Json& schema = *resolve(schema_, &at);
    if (node.kind == yaml::Node::Kind::list && schema.value(kUnique, false)) twice(node);
    for (const yaml::Node& item : node.items) {
      if (schema.contains("items")) explain_doubles(item, schema.at("items"));
    }
    for (const yaml::Member& member : node.members) {
      if (schema.contains("properties") && schema.at("properties").contains(member.key))
        explain_doubles(member.value, schema.at("properties").at(member.key));
    }
  }

 private:
  void add(const yaml::Place& place, std::string message) {
    if (said_.insert(fmt::format("{}:{}:{}", place.line, place.column, message)).second) {
      document_.fault(place, std::move(message));
    }
  }
  void wrong_type(const yaml::Node& node, const Json& schema) {
    bool number = node.kind == yaml::Node::Kind::number;
    // Quotes would not help a number that was meant as a duration.
    if (number && &schema == duration()) {
      return add(node.place,
                 fmt::format("is a duration and needs a unit (ms, s, m, h or d) as in 4h, but is {}", shown(node)));
    }
    bool scalar = number || node.kind == yaml::Node::Kind::boolean;
    add(node.place, fmt::format("must be {}, but is {}{}", type_words(schema), shown(node),
                                scalar && schema.at("type") == "string" ? ": put it in quotes" : ""));
  }
  const Json* duration() const {
    Json::json_pointer place{"/definitions/duration"};
    return schema_.contains(place) ? &schema_.at(place) : nullptr;
  }
  void unknown_keys(const yaml::Node& node, const Json& schema) {
    const std::vector<std::string> known = keys_of(schema);
    for (const yaml::Member& member : node.members) {
      if (std::find(known.begin(), known.end(), member.key) != known.end()) continue;
      std::string hint = did_you_mean(member.key, known);
      if (hint.empty()) hint = fmt::format("; known here: {}", joined(known));
      add(member.place, fmt::format("unknown key '{}'{}", member.key.substr(0, 64), hint));
    }
  }
  void missing_key(const yaml::Node& node, const Json& schema, const std::string& says) {
    if (node.kind != yaml::Node::Kind::map) return;
    for (const Json& key : schema.value("required", Json::array())) {
      const std::string name = key.get<std::string>();
      // the alternatives of oneOf and anyOf complain in the same words; they are explained as a whole
      if (says.find("'" + name + "'") != std::string::npos) add(node.place, fmt::format("key '{}' is missing", name));
    }
  }
  void twice(const yaml::Node& node) {
    std::map<std::string, int> seen;
    for (const yaml::Node& item : node.items) {
      if (++seen[yaml::to_json(item).dump()] == 2) add(item.place, fmt::format("{} stands twice", shown(item)));
    }
  }
  static std::string alternatives(const Json& schema, const char* keyword) {
    std::vector<std::string> words;
    for (const Json& one : schema.at(keyword)) words.push_back("'" + one.at("required").at(0).get<std::string>() + "'");
    return joined(words);
  }

  const Json& schema_;
  const yaml::Document& document_;
  std::set<std::string> said_;
};

// Edits that make one word into the other: a letter more, less, other, or two swapped.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kWordMax = 64;  // longer words are not typing errors, and the table is quadratic
  if (word.size() > kWordMax) return {};
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordMax) continue;
    std::size_t now = distance(word, candidate);
    if (now < best_distance) {
      best = candidate;
      best_distance = now;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best = nearest(word, candidates);
  return best.empty() ? best : fmt::format(", did you mean '{}'?", best);
}

void check_schema(std::string_view name, const yaml::Document& document) {
  auto text = find_embedded(kConfigSchemas, fmt::format("config/{}.schema.json", name));
  if (!text) throw std::logic_error("no configuration schema " + std::string{name});  // broken code, not broken input
  const Json schema_json = Json::parse(*text);
  Json without_unique = schema_json;
  leave_out_unique(without_unique);
  valijson::Schema schema;
  valijson::adapters::NlohmannJsonAdapter schema_adapter{without_unique};
  valijson::SchemaParser{valijson::SchemaParser::kDraft7}.populateSchema(schema_adapter, schema);

  const Json target = yaml::to_json(document.root);
  valijson::adapters::NlohmannJsonAdapter target_adapter{target};
  valijson::ValidationResults results;
  valijson::Validator validator;
  Explainer explainer{schema_json, document};
  explainer.explain_doubles(document.root, schema_json);
  if (validator.validate(schema, target_adapter, &results)) return;
  for (valijson::ValidationResults::Error error; results.popError(error);) explainer.explain(error);
}

}  // namespace echoloop

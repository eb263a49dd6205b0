#include "tests/schemas/codec_oracle.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "schemas/codec.h"

namespace echoloop::test {
namespace {

using nlohmann::json;

// Every value at a pattern such as "data/agents/*/id".
void at_each(const json& value, std::string_view pattern, std::vector<const json*>& out) {
  if (pattern.empty()) {
    out.push_back(&value);
    return;
  }
  std::size_t slash = pattern.find('/');
  std::string step(pattern.substr(0, slash));
  std::string_view rest = slash == std::string_view::npos ? std::string_view{} : pattern.substr(slash + 1);
  if (step == "*") {
    if (!value.is_array()) return;
    for (const json& one : value) at_each(one, rest, out);
  } else if (value.is_object() && value.contains(step)) {
    at_each(value.at(step), rest, out);
  }
}

// Fields of at most 256 bytes, by type; those of the envelope belong to all.
const std::map<std::string, std::vector<const char*>> kShortTexts = {
    {"", {"id", "source", "subject", "data/tenant", "data/session_id"}},
    {"echoloop.session.closed.v1",
     {"data/customer_id", "data/channel", "data/category", "data/entity", "data/agents/*/id", "data/agents/*/group",
      "data/agents/*/department", "data/links/*", "data/routing/rule", "data/routing/version",
      "data/routing/intended_group", "data/agent_tags/*", "data/previous_session"}},
    {"echoloop.survey.invited.v1", {"data/survey", "data/version", "data/channel"}},
    {"echoloop.evaluation.submitted.v1",
     {"data/evaluation_id", "data/customer_id", "data/survey", "data/version", "data/tags/*", "data/answers/*/question",
      "data/language"}},
    {"echoloop.evaluation.withdrawn.v1", {"data/evaluation_id"}},
    {"echoloop.tags.changed.v1", {"data/who", "data/add/*", "data/remove/*"}},
    {"echoloop.review.recorded.v1", {"data/reviewer", "data/cause", "data/tags/*"}},
    {"echoloop.outcome.observed.v1", {"data/name", "data/department", "data/category", "data/group", "data/entity"}},
    {"echoloop.task.command.v1",
     {"data/task_id", "data/by", "data/department", "data/person", "data/into", "data/how", "data/sessions/*",
      "data/customers/*", "data/if_match", "data/only_in/*"}}};

const std::map<std::string, std::vector<const char*>> kTimeTexts = {
    {"", {"time"}},
    {"echoloop.session.closed.v1", {"data/closed_at", "data/opened_at", "data/agents/*/from", "data/agents/*/to"}},
    {"echoloop.survey.invited.v1", {"data/sent_at"}},
    {"echoloop.evaluation.submitted.v1", {"data/submitted_at"}},
    {"echoloop.outcome.observed.v1", {"data/time"}},
    {"echoloop.task.command.v1", {"data/effective_from", "data/until"}}};

std::vector<const json*> collect(const json& event, const std::map<std::string, std::vector<const char*>>& patterns) {
  std::vector<const json*> out;
  for (const std::string& type : {std::string(), event.at("type").get<std::string>()}) {
    auto found = patterns.find(type);
    if (found == patterns.end()) continue;
    // session_id is no field of outcomes and commands
    for (std::string_view pattern : found->second) {
      bool sessionless =
          event.at("type") == "echoloop.outcome.observed.v1" || event.at("type") == "echoloop.task.command.v1";
      if (!(sessionless && pattern == "data/session_id")) at_each(event, pattern, out);
    }
  }
  return out;
}

// Milliseconds of an RFC 3339 text whose written and UTC years are 1970..2199.
std::optional<std::int64_t> instant(const std::string& text) {
  static const std::regex kShape(R"((\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d))");
  std::smatch part;
  if (text.size() > 500 || !std::regex_match(text, part, kShape)) return std::nullopt;
  std::tm tm{};
  tm.tm_year = std::stoi(part[1]) - 1900;
  tm.tm_mon = std::stoi(part[2]) - 1;
  tm.tm_mday = std::stoi(part[3]);
  int hour = std::stoi(part[4]), minute = std::stoi(part[5]), second = std::stoi(part[6]);
  if (tm.tm_year < 70 || tm.tm_year > 299 || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::tm asked = tm;
  std::int64_t seconds = timegm(&tm);  // moves days that do not exist
  if (tm.tm_mon != asked.tm_mon || tm.tm_mday != asked.tm_mday) return std::nullopt;
  seconds += hour * 3600 + minute * 60 + second;
  std::string offset = part[8];
  if (offset.size() == 6) {
    int hours = std::stoi(offset.substr(1, 2)), minutes = std::stoi(offset.substr(4, 2));
    if (hours > 23 || minutes > 59) return std::nullopt;
    seconds -= (offset[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
  }
  std::string fraction = part[7].matched ? part[7].str().substr(1) + "000" : "000";
  std::int64_t ms = seconds * 1000 + std::stoi(fraction.substr(0, 3));
  if (ms < 0 || ms >= 7'258'118'400'000) return std::nullopt;
  return ms;
}

bool at_most_three_decimals(const json& number) {
  char text[64];
  std::string shortest(
      text, std::to_chars(text, text + sizeof text, number.get<double>(), std::chars_format::scientific).ptr);
  std::size_t e = shortest.find('e');
  int exponent = std::stoi(shortest.substr(e + 1));
  std::size_t point = shortest.find('.');
  int digits = point == std::string::npos ? 0 : static_cast<int>(e - point - 1);
  return number.get<double>() == 0 || digits - exponent <= 3;
}

bool present(const json& object, const char* key) { return object.contains(key) && !object.at(key).is_null(); }

std::string refused_by_semantics(const json& event) {
  const std::string type = event.at("type");
  const json& data = event.at("data");
  for (const json* text : collect(event, kShortTexts)) {
    if (text->is_string() && text->get_ref<const std::string&>().size() > 256) return "bytes";
  }
  for (const json* text : collect(event, kTimeTexts)) {
    if (text->is_string() && !instant(*text)) return "time";
  }
  if (present(event, "subject") && type != "echoloop.outcome.observed.v1" && type != "echoloop.task.command.v1" &&
      event.at("subject") != data.at("session_id")) {
    return "subject";
  }
  if (type == "echoloop.session.closed.v1" && present(data, "agents")) {
    for (const json& agent : data.at("agents")) {
      if (present(agent, "from") && present(agent, "to") && *instant(agent.at("to")) < *instant(agent.at("from")))
        return "handler_period";
    }
  }
  if (type != "echoloop.evaluation.submitted.v1") return "";
  std::vector<const json*> numbers;
  for (const char* pattern : {"data/score/value", "data/score/min", "data/score/max", "data/answers/*/value"})
    at_each(event, pattern, numbers);
  for (const json* number : numbers) {
    if (number->is_number() && !at_most_three_decimals(*number)) return "decimals";
  }
  if (present(data, "score")) {
    const json& score = data.at("score");
    if (present(score, "min") != present(score, "max")) return "scale";
    double min = present(score, "min") ? score.at("min").get<double>() : 1,
           max = present(score, "max") ? score.at("max").get<double>() : 5;
    double value = score.at("value");
    if (!(min < max && min <= value && value <= max)) return "score";
  }
  return "";
}

// Keeps valijson 1.0 to draft 7: 5.0 is an integer (to valijson it is none), integers above 2^63 must not wrap, and a
// text does not end at a NUL.
void suit_valijson(json& value) {
  if (value.is_structured()) {
    for (json& inner : value) suit_valijson(inner);
  } else if (value.is_string()) {
    auto& text = value.get_ref<std::string&>();
    std::replace(text.begin(), text.end(), '\0', '\1');
  } else if (value.is_number_float()) {
    double number = value;
    if (number == std::floor(number) && std::abs(number) <= 1e18) value = static_cast<std::int64_t>(number);
  } else if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    value = value.get<double>();
  }
}

// "format" only annotates in draft 7; valijson would assert a date-time of its own understanding. The check "time" says
// what counts.
void drop_formats(json& schema) {
  if (schema.is_object()) schema.erase("format");
  if (schema.is_structured()) {
    for (json& inner : schema) drop_formats(inner);
  }
}

const valijson::Schema* schema_of(const std::string& type) {
  static const auto schemas = [] {
    std::map<std::string, std::unique_ptr<valijson::Schema>> out;
    for (Text one : kEventTypes) {
      json text = json::parse(event_schema(one));
      drop_formats(text);
      auto& schema = out[std::string(one)] = std::make_unique<valijson::Schema>();
      valijson::SchemaParser(valijson::SchemaParser::kDraft7)
          .populateSchema(valijson::adapters::NlohmannJsonAdapter(text), *schema);
    }
    return out;
  }();
  auto found = schemas.find(type);
  return found == schemas.end() ? nullptr : found->second.get();
}

// Notes duplicate keys and depth while nlohmann builds the document.
struct Watch {
  std::vector<std::set<std::string>> keys;
  bool twice = false;
  int depth = 0, deepest = 0;

  bool operator()(int, json::parse_event_t event, json& parsed) {
    switch (event) {
      case json::parse_event_t::object_start:
        keys.emplace_back();
        [[fallthrough]];
      case json::parse_event_t::array_start:
        deepest = std::max(deepest, ++depth);
        break;
      case json::parse_event_t::object_end:
        keys.pop_back();
        [[fallthrough]];
      case json::parse_event_t::array_end:
        --depth;
        break;
      case json::parse_event_t::key:
        twice |= !keys.back().insert(parsed.get<std::string>()).second;
        break;
      default:
        break;
    }
    return true;
  }
};

}  // namespace

std::string refused_by(std::string_view text) {
  // nlohmann takes a NUL for the end and skips a byte order mark; JSON has neither.
  if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF")) return "syntax";
  Watch watch;
  json event = json::parse(text, std::ref(watch), false);
  if (event.is_discarded()) return "syntax";
  if (watch.twice) return "unique_keys";
  if (watch.deepest > 64) return "depth";
  if (!event.is_object() || !event.contains("type") || !event.at("type").is_string()) return "schema";
  const valijson::Schema* schema = schema_of(event.at("type"));
  if (schema == nullptr) return "schema";
  json suited = event;
  suit_valijson(suited);
  valijson::Validator validator;  // strict types
  if (!validator.validate(*schema, valijson::adapters::NlohmannJsonAdapter(suited), nullptr)) return "schema";
  return refused_by_semantics(event);
}

}  // namespace echoloop::test

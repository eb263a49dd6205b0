#include "tests/behaviour/documents.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace echoloop::behaviour {
namespace {

using nlohmann::ordered_json;

struct Form {
  std::string_view verb, type, when;  // when: the time of the data that defaults to now; empty: that of the envelope
};
constexpr Form kForms[] = {
    {"closed", "session.closed", "closed_at"},
    {"invited", "survey.invited", "sent_at"},
    {"rated", "evaluation.submitted", "submitted_at"},
    {"withdrew", "evaluation.withdrawn", ""},
    {"tagged", "tags.changed", ""},
    {"reviewed", "review.recorded", ""},
    {"observed", "outcome.observed", "time"},
    {"command", "task.command", ""},
};

const Form* form_of(std::string_view verb) {
  const auto* found = std::find_if(std::begin(kForms), std::end(kForms), [&](const Form& f) { return f.verb == verb; });
  return found == std::end(kForms) ? nullptr : found;
}

ordered_json json_of(const YAML::Node& node) {
  if (node.IsSequence()) {
    ordered_json out = ordered_json::array();
    for (const auto& item : node) out.push_back(json_of(item));
    return out;
  }
  if (node.IsMap()) {
    ordered_json out = ordered_json::object();
    for (const auto& item : node) out[item.first.as<std::string>()] = json_of(item.second);
    return out;
  }
  if (node.IsNull()) return nullptr;
  const auto text = node.as<std::string>();
  if (node.Tag() == "!") return text;  // quoted
  const auto number = ordered_json::parse(text, nullptr, false);
  if (number.is_number() || number.is_boolean()) return number;
  return text;
}

void replace_stars(std::string& text, const std::string& by) {
  for (auto at = text.find('*'); at != std::string::npos; at = text.find('*', at + by.size())) text.replace(at, 1, by);
}

}  // namespace

bool is_event(std::string_view verb) { return form_of(verb) != nullptr; }

Step round_of(const Step& step, int number) {
  Step out = step;
  if (step.times == 1) return out;
  for (std::string& word : out.words) replace_stars(word, std::to_string(number));
  replace_stars(out.data, std::to_string(number));
  return out;
}

std::string document_of(const Step& step, Time now, const std::string& id) {
  const Form& form = *form_of(step.verb);
  ordered_json said = step.data.empty() ? ordered_json::object() : json_of(YAML::Load(step.data));
  ordered_json event = {{"specversion", "1.0"},
                        {"type", "echoloop." + std::string{form.type} + ".v1"},
                        {"source", "/test"},
                        {"id", id},
                        {"time", format_time(now)}};
  for (const char* field : {"source", "id", "time"}) {
    if (!said.contains(field) || form.when == field) continue;
    if (said[field].is_null()) {
      event.erase(field);
    } else {
      event[field] = said[field];
    }
    said.erase(field);
  }
  ordered_json data = {{"tenant", "acme"}};
  if (step.verb == "observed") {
    data["name"] = step.words.at(0);
  } else if (step.verb != "command") {
    data["session_id"] = step.words.at(0);
  }
  if (!form.when.empty()) data[std::string{form.when}] = format_time(now);
  if (step.verb == "rated" || step.verb == "withdrew") {
    data["evaluation_id"] = step.words.size() > 1 ? step.words[1] : "of-" + step.words.at(0);
  }
  if (step.verb == "withdrew") data["reason"] = "customer";
  if (said.contains("score") && said["score"].is_number()) said["score"] = {{"value", said["score"]}};
  data.update(said);
  event["data"] = std::move(data);
  return event.dump();
}

}  // namespace echoloop::behaviour

#include "pipeline/serving/or_filters.h"

#include <algorithm>

namespace echoloop::serving {
namespace {

constexpr std::string_view kUnknown = "unknown";
constexpr std::string_view kSeveral[] = {"tag",   "agent_tag",      "review_tag", "moment",  "survey",
                                         "delay", "survey_version", "question",   "language"};
constexpr std::string_view kOfHandlers[] = {"agent", "group", "department"};

template <class Names>
bool among(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool overlaps(const MetricQuery& query, const std::string& dimension, const std::set<std::string>& allowed) {
  if (allowed.size() < 2 || among(query.group_by, dimension)) return false;
  return among(kSeveral, dimension) || (query.metric->needs_handler_set && among(kOfHandlers, dimension));
}

// The allowed values of one dimension, all to be written as one.
class Folding {
 public:
  explicit Folding(const std::set<std::string>& allowed)
      : allowed_(allowed), one_(allowed.contains(std::string(kUnknown)) ? kUnknown : *allowed.begin()) {}

  void text(state::Text& value) const {
    if (allowed_.contains(std::string(value.empty() ? kUnknown : value))) value = one_;
  }
  void texts(List<state::Text>& values) const {
    for (state::Text& value : values) text(value);
  }

 private:
  const std::set<std::string>& allowed_;
  const std::string_view one_;  // as long as `allowed` lives
};

void fold_evaluation(std::string_view dimension, const Folding& folding, state::Facts::Standing& evaluation) {
  if (dimension == "survey") folding.text(evaluation.survey);
  if (dimension == "survey_version") folding.text(evaluation.version);
  if (dimension == "delay") folding.text(evaluation.delay);
  if (dimension == "language") folding.text(evaluation.language);
  if (dimension == "question") folding.texts(evaluation.questions);
}

template <class Handler>
void fold_handler(std::string_view dimension, const Folding& folding, Handler& handler) {
  if (dimension == "agent") folding.text(handler.agent);
  if (dimension == "group") folding.text(handler.group);
  if (dimension == "department") folding.text(handler.department);
}

}  // namespace

bool may_overlap(const MetricQuery& query) {
  return std::any_of(query.filters.begin(), query.filters.end(),
                     [&](const auto& filter) { return overlaps(query, filter.first, filter.second); });
}

void fold(const MetricQuery& query, state::Facts& facts) {
  for (const auto& [dimension, allowed] : query.filters) {
    if (!overlaps(query, dimension, allowed)) continue;
    const Folding folding{allowed};
    if (dimension == "tag") folding.texts(facts.tags);
    if (dimension == "agent_tag") folding.texts(facts.agent_tags);
    if (dimension == "review_tag") folding.texts(facts.review_tags);
    if (dimension == "moment") folding.texts(facts.moments);
    for (auto& evaluation : facts.standing) fold_evaluation(dimension, folding, evaluation);
    fold_handler(dimension, folding, facts);
    for (auto& credit : facts.credits) fold_handler(dimension, folding, credit);
  }
}

}  // namespace echoloop::serving

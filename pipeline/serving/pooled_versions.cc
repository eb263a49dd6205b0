#include "pipeline/serving/pooled_versions.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "pipeline/serving/row_scan.h"
#include "processors/sessions/history.h"

namespace echoloop::serving {
namespace {

using Surveys = std::set<std::string>;

constexpr const char* kSurvey = "survey";
constexpr const char* kVersion = "survey_version";

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The query with survey and version told apart in every row.
MetricQuery by_version(MetricQuery query) {
  for (const char* name : {kSurvey, kVersion}) {
    if (!has(query.group_by, name)) query.group_by.emplace_back(name);
  }
  return query;
}

// The query over all that its time and its filters by survey leave: where nothing is pooled here, nothing is in any
// finer row.
MetricQuery coarsest(MetricQuery query) {
  query.interval = Interval::all;
  query.group_by.clear();
  // What is credited to handlers are scores, which a set without handlers holds uncredited.
  if (query.metric->needs_handler_set) query.metric = aggregates::find_metric("csat");
  std::erase_if(query.filters, [](const auto& filter) { return filter.first != kSurvey && filter.first != kVersion; });
  return by_version(std::move(query));
}

// Collects the versions behind each row of an answer from cells that tell them apart.
class Versions {
 public:
  // `shown`: what the answer itself groups by; `told_apart`: the dimensions of the cells.
  Versions(const MetricQuery& shown, const MetricQuery& told_apart) : metric_(*told_apart.metric) {
    const auto& names = told_apart.group_by;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] == kSurvey) survey_ = i;
      if (names[i] == kVersion) version_ = i;
      if (has(shown.group_by, names[i])) shown_.push_back(i);
    }
  }

  void add(const MetricKey& cell, const aggregates::Measures& measures) {
    const std::string& version = cell.group[version_];
    if (metric_.ratio(measures).n <= 0 || version == "unknown") return;
    MetricKey row{cell.period, {}};
    for (std::size_t i : shown_) row.group.push_back(cell.group[i]);
    auto& versions = versions_[{std::move(row), cell.group[survey_]}];
    versions.insert(version);
    if (versions.size() > 1) pooled_.insert(cell.group[survey_]);
  }
  const Surveys& pooled() const { return pooled_; }

 private:
  const aggregates::MetricSpec& metric_;
  std::size_t survey_ = 0, version_ = 0;
  std::vector<std::size_t> shown_;
  std::map<std::pair<MetricKey, std::string>, std::set<std::string>> versions_;
  Surveys pooled_;
};

Result<Surveys> pooled_in_cells(const MetricQuery& shown, const MetricQuery& told_apart, const DimensionSet& set,
                                const Sources& sources) {
  Versions versions{shown, told_apart};
  auto scanned = scan_cells(told_apart, set, sources, [&](MetricKey row, const aggregates::Measures& cell) {
    versions.add(row, cell);
    return true;
  });
  if (!scanned) return tl::make_unexpected(scanned.error());
  return versions.pooled();
}

// A resolution is the whole session's, but one evaluation speaks for the customer: the latest that says yes or no.
const state::Facts& facts_of_speaker(state::Session& session) {
  auto stands = sessions::standing(session);
  const auto said = [](const state::Evaluation* e) { return std::tuple(e->submitted_at, e->evaluation_id); };
  std::optional<std::size_t> speaker;
  for (std::size_t i = 0; i < stands.size(); ++i) {
    if (stands[i]->resolved != 0 && (!speaker || said(stands[i]) > said(stands[*speaker]))) speaker = i;
  }
  auto& kept = session.facts.standing;  // one for each that stands, in their order
  kept = speaker && *speaker < kept.size() ? List<state::Facts::Standing>::over(&kept[*speaker], 1)
                                           : List<state::Facts::Standing>{};
  return session.facts;
}

// `suspects`, where known: looks no further once all of them are found.
Result<Surveys> pooled_in_sessions(const MetricQuery& query, const std::optional<Surveys>& suspects,
                                   const Sources& sources) {
  const MetricQuery told_apart = by_version(query);
  Versions versions{query, told_apart};
  FactsOf facts_of = query.metric->answers == aggregates::Answers::resolution ? facts_of_speaker : all_facts;
  auto whole = scan_sessions(told_apart, needed_dimensions(told_apart), sources, facts_of,
                             [&](std::string_view, MetricKey row, const aggregates::Measures& cell) {
                               versions.add(row, cell);
                               return !suspects || versions.pooled().size() < suspects->size();
                             });
  if (!whole) return tl::make_unexpected(whole.error());
  return *whole ? versions.pooled() : suspects.value_or(versions.pooled());
}

Result<Surveys> pooled(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  // In cells a resolution stands under every evaluation of its session: they can only tell what is not pooled.
  const bool cells_are_exact = query.metric->answers != aggregates::Answers::resolution;
  const MetricQuery told_apart = by_version(query);
  const DimensionSet* exact = stored_set(needed_dimensions(told_apart), domain);
  if (exact != nullptr && cells_are_exact) return pooled_in_cells(query, told_apart, *exact, sources);
  std::optional<Surveys> suspects;
  const MetricQuery coarse = coarsest(query);
  if (const DimensionSet* set = stored_set(coarse.group_by, domain)) {
    MetricQuery one_row = coarse;
    one_row.group_by.clear();
    auto found = pooled_in_cells(one_row, coarse, *set, sources);
    if (!found || found->empty()) return found;
    suspects = std::move(*found);
  }
  return pooled_in_sessions(query, suspects, sources);
}

}  // namespace

Result<std::vector<std::string>> pooled_surveys(const MetricQuery& query, const Sources& sources,
                                                const Domain& domain) {
  if (query.metric->answers == aggregates::Answers::none || has(query.group_by, kVersion))
    return std::vector<std::string>{};
  auto found = pooled(query, sources, domain);
  if (!found) return tl::make_unexpected(found.error());
  return std::vector<std::string>(found->begin(), found->end());
}

}  // namespace echoloop::serving

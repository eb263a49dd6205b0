#include "pipeline/serving/session_cells.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/metric.h"
#include "pipeline/serving/cause_rows.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/case_book.h"
#include "processors/sessions/contribution.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

using Cells = std::map<std::pair<std::size_t, std::vector<std::string>>, aggregates::Measures>;  // by set and values

Cells contributed(const state::Facts& facts, const std::vector<DimensionSet>& sets) {
  Cells out;
  const auto plans = sessions::plans_of(sets);
  sessions::contribute(
      facts, plans, [](std::string_view) { return 0; },
      [&](std::size_t set, std::span<const sessions::Value> values, const sessions::Gained& gained) {
        std::vector<std::string> texts;
        for (const sessions::Value& value : values) texts.emplace_back(value.text);
        out[{set, std::move(texts)}].merge(gained.measures);
      });
  return out;
}

// The counting rules that the session was counted by, while they are in force.
const Counting* counting_of(const state::Facts& facts, const Domain& domain) {
  auto found = std::find_if(domain.counting.begin(), domain.counting.end(),
                            [&](const Counting& counting) { return counting.hash == facts.counting; });
  return found == domain.counting.end() ? nullptr : &*found;
}

// Whether the session counts for the rule: the numerator, or what is left of n for lower bounds (docs/aggregates.md).
bool is_evidence(const ThresholdRule& rule, const aggregates::Measures& cell) {
  const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
  if (metric == nullptr) return false;
  const aggregates::Ratio ratio = metric->ratio(cell);
  return (rule.below ? ratio.n - ratio.numerator : ratio.numerator) > 0;
}

// The task of the rule's cause that the window counts for.
Result<void> add_task_of_window(const FoundSession& found, const ThresholdRule& rule,
                                const std::vector<std::string>& scope, Time window, const Sources& sources,
                                ordered_json& tasks) {
  auto cause = find_cause(found.tenant, rule.id, scope, sources);
  if (!cause) return tl::make_unexpected(cause.error());
  if (!*cause) return {};
  for (const state::Cause::Window& one : (*cause)->windows()) {
    if (one.start() != to_ms(window)) continue;
    ordered_json values = ordered_json::object();
    for (std::size_t i = 0; i < scope.size(); ++i) values[rule.group_by[i]] = scope[i];
    tasks.push_back({{"id", casework::cause_task_id(found.tenant, rule.id, scope, one.ordinal())},
                     {"rule", rule.id},
                     {"scope", values},
                     {"window", format_time(window)}});
  }
  return {};
}

Result<void> add_cause_tasks(const FoundSession& found, const Cells& cells, const Counting& counting,
                             const Sources& sources, const Domain& domain, ordered_json& tasks) {
  const TimeZone& zone = domain.zone_of(found.tenant);
  const Time bucket = from_ms(found.row.facts.bucket);
  for (const ThresholdRule& rule : domain.thresholds) {
    const Time window = period_start(zone, rule.window, bucket);
    for (const auto& [place, measures] : cells) {
      if (counting.sets[place.first] != rule.group_by) continue;
      if (!is_evidence(rule, measures)) continue;
      if (auto added = add_task_of_window(found, rule, place.second, window, sources, tasks); !added) return added;
    }
  }
  return {};
}

// Tasks of this one session: recovery rules that hold, red lines that were crossed.
Result<void> add_own_tasks(const FoundSession& found, const Sources& sources, ordered_json& tasks) {
  std::set<std::string> rules(found.row.recoveries.begin(), found.row.recoveries.end());
  for (const state::RedLineFound& crossed : found.row.red_lines) rules.emplace(crossed.red_line);
  for (const std::string& rule : rules) {
    const std::string id = casework::session_task_id(found.tenant, rule, found.session_id);
    auto task = find_task(found.tenant, id, sources);
    if (!task) return tl::make_unexpected(task.error());
    if (*task) tasks.push_back({{"id", id}, {"rule", rule}, {"scope", {{"session", found.session_id}}}});
  }
  return {};
}

}  // namespace

Result<SessionCells> cells_of(const FoundSession& found, const Sources& sources, const Domain& domain) {
  SessionCells out;
  if (auto own = add_own_tasks(found, sources, out.tasks); !own) return tl::make_unexpected(own.error());
  if (!found.row.counted) {
    out.notes.push_back("nothing is counted: the session has not been closed");
    return out;
  }
  const state::Facts& facts = found.row.facts;
  const Counting* counting = counting_of(facts, domain);
  if (counting == nullptr) {
    out.notes.push_back("counted by rules that are no longer in force; it is being counted anew");
    return out;
  }
  const Cells cells = contributed(facts, counting->sets);
  for (const auto& [place, measures] : cells) {
    const aggregates::CubeKey key{found.tenant, aggregates::set_name(counting->sets[place.first]), facts.bucket,
                                  place.second};
    out.rows.push_back(ordered_json::parse(aggregates::canonical_line(key, measures)));
  }
  auto added = add_cause_tasks(found, cells, *counting, sources, domain, out.tasks);
  if (!added) return tl::make_unexpected(added.error());
  return out;
}

}  // namespace echoloop::serving

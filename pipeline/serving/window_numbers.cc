#include "pipeline/serving/window_numbers.h"

#include "pipeline/aggregates/cube.h"
#include "pipeline/serving/metric_answer.h"
#include "pipeline/serving/metric_query.h"
#include "processors/insight/threshold.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

constexpr std::int64_t kMillion = 1'000'000;

MetricQuery query_of(const ThresholdRule& rule, const std::string& tenant, const std::vector<std::string>& scope,
                     Time start, const TimeZone& zone) {
  MetricQuery query;
  query.metric = aggregates::find_metric(rule.metric);
  query.tenant = tenant;
  query.zone = zone;
  query.from = start;
  query.to = period_end(zone, rule.window, start);
  for (std::size_t i = 0; i < rule.group_by.size() && i < scope.size(); ++i)
    query.filters[rule.group_by[i]].insert(scope[i]);
  return query;
}

// All measures of the scope in the window; none: it has no row there.
Result<std::optional<aggregates::Measures>> measures_of(const MetricQuery& query, const Sources& sources,
                                                        const Domain& domain) {
  auto rows = collect(query, sources, domain);
  if (!rows) return tl::make_unexpected(rows.error());
  if (rows->empty()) return std::optional<aggregates::Measures>{};
  return std::optional<aggregates::Measures>{rows->begin()->second};
}

// The first bucket of the rule's set: what lies before it is not known.
Result<std::optional<Time>> beginning(const ThresholdRule& rule, const std::string& tenant, const Sources& sources) {
  const std::string from = aggregates::cube_partition_key(tenant, aggregates::set_name(rule.group_by));
  std::optional<Time> first;
  auto scanned = sources.rows->scan(stage::Table::cube, sources.shard_of(from), from, "",
                                    [&](std::string_view key, std::string_view) {
                                      auto parsed = aggregates::parse_cube_key(key);
                                      if (parsed && key.starts_with(from)) first = from_ms(parsed->bucket_ms);
                                      return false;
                                    });
  if (!scanned) return tl::make_unexpected(scanned.error());
  return first;
}

Result<void> add_usual(const ThresholdRule& rule, const std::string& tenant, const std::vector<std::string>& scope,
                       Time start, const Sources& sources, const Domain& domain, insight::Observation& seen) {
  const TimeZone& zone = domain.zone_of(tenant);
  const std::vector<Time> earlier = insight::earlier_windows(rule, zone, start);
  if (earlier.empty()) return {};
  auto first = beginning(rule, tenant, sources);
  if (!first) return tl::make_unexpected(first.error());
  if (!*first || earlier.back() < period_start(zone, rule.window, **first)) return {};
  for (Time one : earlier) {
    auto measures = measures_of(query_of(rule, tenant, scope, one, zone), sources, domain);
    if (!measures) return tl::make_unexpected(measures.error());
    if (!*measures) continue;
    const aggregates::Ratio ratio = aggregates::find_metric(rule.metric)->ratio(**measures);
    seen.usual.numerator += ratio.numerator;
    seen.usual.n += ratio.n;
    ++seen.usual_windows_found;
  }
  return {};
}

}  // namespace

ordered_json bound_json(std::int64_t bound_ppm) {
  return bound_ppm % kMillion == 0 ? ordered_json(bound_ppm / kMillion)
                                   : ordered_json(static_cast<double>(bound_ppm) / static_cast<double>(kMillion));
}

ordered_json usual_json(std::int64_t periods, std::int64_t windows_found, std::int64_t numerator, std::int64_t n,
                        bool counts) {
  if (periods == 0) return nullptr;
  // A count is compared with the mean over all earlier windows, those without a row as well; a rate with their rate.
  const std::int64_t divisor = counts ? periods : n;
  return {{"windows", periods},
          {"windows_found", windows_found},
          {"numerator", numerator},
          {"n", n},
          {"value", windows_found == 0 || divisor == 0
                        ? ordered_json(nullptr)
                        : ordered_json(static_cast<double>(numerator) / static_cast<double>(divisor))}};
}

Result<ordered_json> window_now(const ThresholdRule& rule, const std::string& tenant,
                                const std::vector<std::string>& scope, Time start, const Sources& sources,
                                const Domain& domain) {
  const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
  if (metric == nullptr) return ordered_json(nullptr);
  const MetricQuery query = query_of(rule, tenant, scope, start, domain.zone_of(tenant));
  auto measures = measures_of(query, sources, domain);
  if (!measures) return tl::make_unexpected(measures.error());
  insight::Observation seen;
  if (*measures) seen.now = metric->ratio(**measures);
  if (auto added = add_usual(rule, tenant, scope, start, sources, domain, seen); !added)
    return tl::make_unexpected(added.error());
  // As rules see it: no dictionary withholds small numbers here.
  Metric definition;
  if (auto found = domain.metrics.find(rule.metric); found != domain.metrics.end()) definition = found->second;
  definition.minimum_n = 0;
  const ordered_json row = metric_row(query, definition, {}, measures->value_or(aggregates::Measures{}));
  return ordered_json{
      {"numerator", seen.now.numerator},
      {"n", seen.now.n},
      {"value", row["value"]},
      {"interval", row["interval"]},
      {"usual", usual_json(rule.usual_periods.value_or(0), seen.usual_windows_found, seen.usual.numerator, seen.usual.n,
                           metric->shape == aggregates::MetricShape::count)},
      {"tier", insight::level_of(rule, seen)},
      {"evidence", insight::evidence_of(rule, seen.now)}};
}

}  // namespace echoloop::serving

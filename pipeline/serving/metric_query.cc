#include "pipeline/serving/metric_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "processors/sessions/contribution.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {
namespace {

// Dimensions that the rows must tell apart: those grouped by, then those filtered by.
std::vector<std::string> needed(const MetricQuery& query) {
  std::vector<std::string> out = query.group_by;
  for (const auto& [name, values] : query.filters) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

// The stored set with exactly these dimensions, in its own order.
const DimensionSet* stored_set(const std::vector<std::string>& dimensions, const Domain& domain) {
  std::set<std::string> wanted(dimensions.begin(), dimensions.end());
  for (const DimensionSet& set : domain.counting.back().sets) {
    if (std::set<std::string>(set.begin(), set.end()) == wanted) return &set;
  }
  return nullptr;
}

std::string list_of_sets(const Domain& domain) {
  std::string out;
  for (const DimensionSet& set : domain.counting.back().sets)
    out += (out.empty() ? "(" : ", (") + aggregates::set_name(set) + ")";
  return out;
}

// Takes rows of a set in any order of dimensions and adds them where the query wants them.
class Collector {
 public:
  Collector(const MetricQuery& query, const std::vector<std::string>& set) : query_(query) {
    for (const std::string& name : query.group_by) places_.push_back(place_of(set, name));
    for (const auto& [name, values] : query.filters) filters_.emplace_back(place_of(set, name), &values);
  }

  bool in_time(std::int64_t bucket_ms) const {
    return (!query_.from || bucket_ms >= to_ms(*query_.from)) && (!query_.to || bucket_ms < to_ms(*query_.to));
  }

  template <class Values>
  void add(std::int64_t bucket_ms, const Values& values, const aggregates::Measures& measures) {
    for (const auto& [place, allowed] : filters_) {
      if (!allowed->contains(std::string(values[place]))) return;
    }
    MetricKey key;
    key.period = period_start(query_.zone, query_.interval, from_ms(bucket_ms));
    for (std::size_t place : places_) key.group.emplace_back(values[place]);
    rows_[std::move(key)].merge(measures);
  }

  MetricRows rows() { return std::move(rows_); }

 private:
  static std::size_t place_of(const std::vector<std::string>& set, const std::string& name) {
    return static_cast<std::size_t>(std::find(set.begin(), set.end(), name) - set.begin());
  }

  const MetricQuery& query_;
  std::vector<std::size_t> places_;
  std::vector<std::pair<std::size_t, const std::set<std::string>*>> filters_;
  MetricRows rows_;
};

Result<MetricRows> collect_stored(const MetricQuery& query, const DimensionSet& set, const Sources& sources) {
  std::string name = aggregates::set_name(set);
  Collector collector{query, set};
  // Bucket starts of any query lie within years 1970 to 2200.
  std::string from = aggregates::cube_from(query.tenant, name, query.from ? to_ms(*query.from) : 0);
  std::string to = query.to ? aggregates::cube_from(query.tenant, name, to_ms(*query.to))
                            : prefix_end(aggregates::cube_partition_key(query.tenant, name)).value_or("");
  int shard = sources.shard_of(aggregates::cube_partition_key(query.tenant, name));
  bool good = true;
  auto scanned =
      sources.rows->scan(stage::Table::cube, shard, from, to, [&](std::string_view key, std::string_view value) {
        auto parsed = aggregates::parse_cube_key(key);
        aggregates::Measures measures;
        good = parsed && measures.parse(value);
        if (good) collector.add(parsed->bucket_ms, parsed->values, measures);
        return good;
      });
  if (!scanned) return tl::make_unexpected(scanned.error());
  if (!good) return broken_world("table cube", "a row that cannot be read");
  return collector.rows();
}

Result<MetricRows> collect_computed(const MetricQuery& query, const std::vector<std::string>& set,
                                    const Sources& sources, const Domain& domain) {
  Collector collector{query, set};
  const sessions::SetPlan plan{set};
  std::string tenant;
  put_key_text(tenant, query.tenant);
  std::size_t seen = 0;
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned = sources.rows->scan(
        stage::Table::sessions, shard, tenant, prefix_end(tenant).value_or(""),
        [&](std::string_view, std::string_view value) {
          state::Session row;
          row.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (row.has_counted() && collector.in_time(row.counted().bucket())) {
            sessions::contribute(
                row.counted(), {&plan, 1}, [](std::string_view) { return 0; },
                [&](std::size_t, std::span<const sessions::Value> values, const aggregates::Measures& gained) {
                  std::vector<std::string_view> texts;
                  for (const sessions::Value& one : values) texts.push_back(one.text);
                  collector.add(row.counted().bucket(), texts, gained);
                });
          }
          return ++seen <= kComputedSessions_max;
        });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (seen > kComputedSessions_max) {
      return bad_input("group_by", fmt::format("no dimension set keeps ({}) ready, and the tenant has more than {} "
                                               "sessions to compute it from; stored sets: {}",
                                               aggregates::set_name(set), kComputedSessions_max, list_of_sets(domain)));
    }
  }
  return collector.rows();
}

}  // namespace

Result<MetricQuery> read_metric_query(const std::string& name, const http::Query& query, const Domain& domain) {
  MetricQuery out;
  out.metric = aggregates::find_metric(name);
  auto tenant = tenant_parameter(query, domain);
  if (!tenant) return tl::make_unexpected(tenant.error());
  out.tenant = *tenant;
  auto zone = zone_parameter(query, domain.zone_of(out.tenant));
  if (!zone) return tl::make_unexpected(zone.error());
  out.zone = *zone;
  for (auto [parameter, into] : {std::pair{"from", &out.from}, std::pair{"to", &out.to}}) {
    auto time = time_parameter(query, parameter, out.zone);
    if (!time) return tl::make_unexpected(time.error());
    *into = *time;
  }
  if (out.from && out.to && *out.from >= *out.to) return bad_input("to", "lies not after from");
  if (auto interval = query.get("interval")) {
    auto parsed = parse_interval(*interval);
    if (!parsed) return tl::make_unexpected(parsed.error());
    out.interval = *parsed;
  }
  out.group_by = words_parameter(query, "group_by");
  std::set<std::string> once;
  for (const std::string& dimension : out.group_by) {
    if (!sessions::is_dimension(dimension))
      return bad_input("group_by", fmt::format("'{}' is no dimension", dimension));
    if (!once.insert(dimension).second) return bad_input("group_by", fmt::format("'{}' stands twice", dimension));
  }
  out.filters = filter_parameters(query);
  auto all = needed(out);
  if (out.metric->needs_handler_set && std::none_of(all.begin(), all.end(), [](const std::string& d) {
        return d == "agent" || d == "group" || d == "department";
      })) {
    return bad_input("group_by",
                     fmt::format("'{}' is credited to handlers: group or filter by agent, group or department", name));
  }
  return out;
}

Result<MetricRows> collect(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  std::vector<std::string> dimensions = needed(query);
  if (const DimensionSet* set = stored_set(dimensions, domain)) return collect_stored(query, *set, sources);
  return collect_computed(query, dimensions, sources, domain);
}

std::vector<std::string> pooled_surveys(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  auto all = needed(query);
  if (std::find(all.begin(), all.end(), "survey_version") != all.end()) return {};
  const DimensionSet* set = stored_set({"survey", "survey_version"}, domain);
  if (set == nullptr) return {};
  MetricQuery versions = query;
  versions.interval = Interval::all;
  versions.group_by = *set;
  versions.filters.clear();
  if (auto survey = query.filters.find("survey"); survey != query.filters.end()) versions.filters.insert(*survey);
  auto rows = collect_stored(versions, *set, sources);
  if (!rows) return {};
  std::map<std::string, int> count;
  for (const auto& [key, measures] : *rows) {
    if (measures.get(aggregates::Counter::evaluations) > 0 && key.group[0] != "unknown")
      ++count[key.group[set->at(0) == "survey" ? 0 : 1]];
  }
  std::vector<std::string> out;
  for (const auto& [survey, n] : count) {
    if (n > 1) out.push_back(survey);
  }
  return out;
}

}  // namespace echoloop::serving

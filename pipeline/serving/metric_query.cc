#include "pipeline/serving/metric_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/serving/or_filters.h"
#include "pipeline/serving/row_scan.h"
#include "processors/insight/admission.h"
#include "processors/sessions/contribution.h"

namespace echoloop::serving {
namespace {

// A period of whole hours is what buckets can tell: it begins and ends with the hours that begin in it.
void to_whole_hours(const TimeZone& zone, std::optional<Time>& end, const char* of,
                    std::vector<std::string>& warnings) {
  if (!end || zone.hour_start(*end) == *end) return;
  Time next = period_end(zone, Interval::hour, *end);
  warnings.push_back(fmt::format("{} {} lies within an hour: sessions closed {} {} are counted", of, format_time(*end),
                                 of == std::string_view{"from"} ? "from" : "before", format_time(next)));
  end = next;
}

// A set of handlers also holds cells of those who are credited and of no session of their own: they are rows of the
// metrics that credit all handlers only.
bool has_own(const MetricQuery& query, const aggregates::Measures& measures) {
  return query.metric->needs_handler_set ? measures.get(aggregates::Counter::all_sessions) > 0
                                         : measures.sessions() > 0;
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
  auto period = period_parameters(query, out.zone);
  if (!period) return tl::make_unexpected(period.error());
  out.from = period->from;
  out.to = period->to;
  // The tenant's hours: those of another zone that is let through begin with them.
  to_whole_hours(domain.zone_of(out.tenant), out.from, "from", out.warnings);
  to_whole_hours(domain.zone_of(out.tenant), out.to, "to", out.warnings);
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
  auto all = needed_dimensions(out);
  if (out.metric->needs_handler_set && std::none_of(all.begin(), all.end(), [](const std::string& d) {
        return d == "agent" || d == "group" || d == "department";
      })) {
    return bad_input("group_by",
                     fmt::format("'{}' is credited to handlers: group or filter by agent, group or department", name));
  }
  return out;
}

Result<std::vector<std::string>> mixed_dimensions(const MetricQuery& query, const Sources& sources,
                                                  const Domain& domain) {
  std::vector<std::string> out;
  const std::vector<std::string> dimensions = needed_dimensions(query);
  const DimensionSet* set = stored_set(dimensions, domain);
  if (set == nullptr || may_overlap(query)) return out;
  const std::string name = aggregates::set_name(*set);
  const int shard = sources.shard_of(aggregates::cube_partition_key(query.tenant, name));
  for (const std::string& dimension : dimensions) {
    auto mixed = insight::is_mixed(*sources.rows, shard, query.tenant, name, dimension);
    if (!mixed) return tl::make_unexpected(mixed.error());
    if (*mixed) out.push_back(dimension);
  }
  return out;
}

Result<MetricRows> collect(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  MetricRows rows;
  const auto add = [&](MetricKey row, const aggregates::Measures& cell) {
    rows[std::move(row)].merge(cell);
    return true;
  };
  std::vector<std::string> dimensions = needed_dimensions(query);
  if (const DimensionSet* set = stored_set(dimensions, domain); set != nullptr && !may_overlap(query)) {
    auto scanned = scan_cells(query, *set, sources, add);
    if (!scanned) return tl::make_unexpected(scanned.error());
  } else {
    auto whole = scan_sessions(
        query, dimensions, sources, all_facts,
        [&](std::string_view, MetricKey row, const aggregates::Measures& cell) { return add(std::move(row), cell); });
    if (!whole) return tl::make_unexpected(whole.error());
    if (!*whole) return too_many_sessions(dimensions, domain);
  }
  std::erase_if(rows, [&](const auto& row) { return !has_own(query, row.second); });
  return rows;
}

}  // namespace echoloop::serving

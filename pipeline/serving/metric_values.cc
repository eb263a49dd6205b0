#include "pipeline/serving/metric_values.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/metric_answer.h"
#include "pipeline/serving/pooled_versions.h"

namespace echoloop::serving {

using nlohmann::ordered_json;

const Metric* find_definition(const std::string& name, const Domain& domain) {
  auto found = domain.metrics.find(name);
  return found == domain.metrics.end() || aggregates::find_metric(name) == nullptr ? nullptr : &found->second;
}

http::Response no_such_metric(const std::string& name) {
  return http::problem(404, "Unknown metric",
                       fmt::format("'{}' is not in the metric dictionary (GET /api/v1/metrics)", name));
}

Result<ordered_json> as_of(const std::string& tenant, const Sources& sources) {
  auto row = sources.rows->get(stage::Table::counters, sources.shard_of(aggregates::cube_partition_key(tenant, "")),
                               "insight/now");
  if (!row) return tl::make_unexpected(row.error());
  if (!*row) return ordered_json(nullptr);
  return ordered_json(format_time(from_ms(Reader{**row}.signed_varint())));
}

Result<ordered_json> values_head(const MetricQuery& query, const Metric& definition, const Sources& sources,
                                 const Domain& domain) {
  auto fresh = as_of(query.tenant, sources);
  if (!fresh) return tl::make_unexpected(fresh.error());
  ordered_json out = {{"metric", definition.name},
                      {"definition", definition_json(definition)},
                      {"tenant", query.tenant},
                      {"as_of", *fresh},
                      {"timezone", query.zone.name()}};
  auto pooled = pooled_surveys(query, sources, domain);
  if (!pooled) return tl::make_unexpected(pooled.error());
  out["warnings"] = query.warnings;
  for (const std::string& survey : *pooled) {
    out["warnings"].push_back(
        fmt::format("versions of survey '{}' are pooled: group or filter by survey_version", survey));
  }
  auto mixed = mixed_dimensions(query, sources, domain);
  if (!mixed) return tl::make_unexpected(mixed.error());
  for (const std::string& dimension : *mixed) {
    out["warnings"].push_back(fmt::format(
        "{} has more values than are counted under their own name (--limits.values): the others are in 'other'",
        dimension));
  }
  return out;
}

}  // namespace echoloop::serving

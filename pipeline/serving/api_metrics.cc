// GET /api/v1/metrics, /api/v1/metrics/{name}, /api/v1/metrics/{name}/sessions
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/explain_metric.h"
#include "pipeline/serving/export.h"
#include "pipeline/serving/metric_answer.h"
#include "pipeline/serving/metric_values.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

http::Response dictionary(const Domain& domain) {
  ordered_json items = ordered_json::array();
  for (const auto& [name, metric] : domain.metrics) {
    ordered_json item = {{"name", name}};
    item.update(definition_json(metric));
    items.push_back(std::move(item));
  }
  return http::json(200, ordered_json{{"items", items}, {"next_cursor", nullptr}}.dump());
}

// The sessions behind a value, a page of them, each with what it adds.
http::Response sessions_behind(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  const Sources& sources = frozen.sources;
  auto domain = sources.domain->get();
  const std::string& name = request.parts.at("name");
  const Metric* definition = find_definition(name, *domain);
  if (definition == nullptr) return no_such_metric(name);
  auto query = read_metric_query(name, request.query, *domain);
  if (!query) return refused(query.error());
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto mixed = mixed_dimensions(*query, sources, *domain);
  if (!mixed) return refused(mixed.error());
  for (const std::string& dimension : *mixed) {
    query->warnings.push_back(fmt::format(
        "{} has more values than are counted under their own name (--limits.values): sessions have their own here, so "
        "those behind 'other' are not listed under it",
        dimension));
  }
  auto found = parts_of_metric(*query, *cursor, *limit, sources, *domain);
  if (!found) return refused(found.error());
  auto fresh = as_of(query->tenant, sources);
  if (!fresh) return refused(fresh.error());
  ordered_json items = ordered_json::array();
  for (const MetricPart& part : found->parts) {
    const ordered_json row = metric_row(*query, *definition, {}, part.adds);
    items.push_back({{"session_id", part.session_id},
                     {"bucket", format_time(part.bucket)},
                     {"numerator", row["numerator"]},
                     {"n", row["n"]}});
  }
  return http::json(
      200, ordered_json{{"metric", name},
                        {"definition", definition_json(*definition)},
                        {"tenant", query->tenant},
                        {"as_of", *fresh},
                        {"warnings", query->warnings},
                        {"value", metric_row(*query, *definition, {}, found->sum)},
                        {"items", items},
                        {"next_cursor", found->more ? ordered_json(make_cursor(request, found->parts.back().order))
                                                    : ordered_json(nullptr)}}
               .dump());
}

http::Response values(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  const Sources& sources = frozen.sources;
  auto domain = sources.domain->get();
  const std::string& name = request.parts.at("name");
  const Metric* definition = find_definition(name, *domain);
  if (definition == nullptr) return no_such_metric(name);
  bool csv = false;
  if (auto format = request.query.get("format")) {
    if (*format != "csv" && *format != "json")
      return refused(Error{Fault::bad_input, "format", fmt::format("'{}' is neither json nor csv", *format)});
    csv = *format == "csv";
  }
  auto query = read_metric_query(name, request.query, *domain);
  if (!query) return refused(query.error());
  auto rows = collect(*query, sources, *domain);
  if (!rows) return refused(rows.error());
  if (csv) {
    http::Response response;
    response.content_type = "text/csv; charset=utf-8";
    response.body = metric_csv(*query, *definition, *rows);
    return response;
  }
  auto out = values_head(*query, *definition, sources, *domain);
  if (!out) return refused(out.error());
  (*out)["rows"] = ordered_json::array();
  for (const auto& [key, measures] : *rows) (*out)["rows"].push_back(metric_row(*query, *definition, key, measures));
  return http::json(200, out->dump());
}

}  // namespace

void add_metric_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET", .path = "/api/v1/metrics", .parameters = {"tenant"}},
             [sources](const http::Request&) { return dictionary(*sources->domain->get()); });
  std::vector<std::string> parameters = {"tenant", "from", "to", "interval", "group_by", "timezone", "format"};
  parameters.insert(parameters.end(), dimension_names().begin(), dimension_names().end());
  std::vector<std::string> lists = dimension_names();
  lists.emplace_back("group_by");
  router.add({.method = "GET", .path = "/api/v1/metrics/{name}", .parameters = parameters, .lists = lists},
             [sources](const http::Request& request) { return values(request, *sources); });
  parameters = {"tenant", "from", "to", "limit", "cursor"};
  parameters.insert(parameters.end(), dimension_names().begin(), dimension_names().end());
  router.add({.method = "GET",
              .path = "/api/v1/metrics/{name}/sessions",
              .parameters = parameters,
              .lists = dimension_names()},
             [sources](const http::Request& request) { return sessions_behind(request, *sources); });
}

}  // namespace echoloop::serving

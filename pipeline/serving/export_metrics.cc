// The export of metric values: the questions that GET /api/v1/metrics/{name} answers, asked for many metrics and
// tenants.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "pipeline/serving/export.h"
#include "pipeline/serving/metric_answer.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

struct Question {
  const Metric* definition = nullptr;
  MetricQuery query;
};

// The names asked for; else all that have values without naming a handler where none is grouped by.
Result<std::vector<std::string>> metrics_of(const http::Query& query, const Domain& domain) {
  std::vector<std::string> named = words_parameter(query, "metric");
  for (const std::string& name : named) {
    if (!domain.metrics.contains(name) || aggregates::find_metric(name) == nullptr)
      return bad_input("metric", fmt::format("'{}' is not in the metric dictionary", name));
  }
  if (!named.empty()) return named;
  std::vector<std::string> group_by = words_parameter(query, "group_by");
  bool by_handler = std::any_of(group_by.begin(), group_by.end(), [](const std::string& dimension) {
    return dimension == "agent" || dimension == "group" || dimension == "department";
  });
  for (const auto& [name, definition] : domain.metrics) {
    const aggregates::MetricSpec* spec = aggregates::find_metric(name);
    if (spec != nullptr && (by_handler || !spec->needs_handler_set)) named.push_back(name);
  }
  return named;
}

http::Query query_for(const std::string& tenant, const http::Query& asked) {
  http::Query out;
  out.add("tenant", {tenant});
  for (const auto& [name, value] : asked.items()) {
    if (name != "tenant" && name != "metric") out.add(name, {value});
  }
  return out;
}

// Tenants with numbers, configured or not; where there are none yet, those of the configuration.
Result<std::vector<std::string>> tenants_of(const http::Query& query, const Sources& sources, const Domain& domain) {
  if (auto tenant = query.get("tenant"); tenant && !tenant->empty())
    return std::vector<std::string>{std::string(*tenant)};
  auto found = sources.tenants_in(stage::Table::cube);
  if (!found || !found->empty()) return found;
  for (const auto& [id, tenant] : domain.tenants) found->push_back(id);
  return found;
}

std::string lines_of(const Question& question, const MetricRows& rows) {
  std::string out;
  for (const auto& [key, measures] : rows) {
    ordered_json line = {{"metric", question.query.metric->name},
                         {"definition_version", question.definition->version},
                         {"tenant", question.query.tenant}};
    line.update(metric_row(question.query, *question.definition, key, measures));
    out += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
  return out;
}

}  // namespace

Result<http::Generator> export_metrics(const Sources& sources, const http::Query& query) {
  auto domain = sources.domain->get();
  auto frozen = std::make_shared<const Frozen>(sources);
  auto metrics = metrics_of(query, *domain);
  if (!metrics) return tl::make_unexpected(metrics.error());
  auto tenants = tenants_of(query, frozen->sources, *domain);
  if (!tenants) return tl::make_unexpected(tenants.error());
  auto questions = std::make_shared<std::vector<Question>>();
  for (const std::string& name : *metrics) {
    for (const std::string& tenant : *tenants) {
      auto read = read_metric_query(name, query_for(tenant, query), *domain);
      if (!read) return tl::make_unexpected(read.error());
      questions->push_back({&domain->metrics.at(name), std::move(*read)});
    }
  }
  auto ask = [domain, frozen, questions, next = std::make_shared<std::size_t>(0)](std::string& out) -> Result<bool> {
    if (*next < questions->size()) {
      const Question& question = (*questions)[(*next)++];
      auto rows = collect(question.query, frozen->sources, *domain);
      if (!rows) return tl::make_unexpected(rows.error());
      out += lines_of(question, *rows);
    }
    return *next < questions->size();
  };
  return http::Generator{ask};
}

}  // namespace echoloop::serving

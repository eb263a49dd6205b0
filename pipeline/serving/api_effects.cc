// GET /api/v1/effects
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/effect_numbers.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/case_book.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

ordered_json effect_json(const std::string& tenant, std::string_view key, const state::Effects& seen) {
  KeyReader reader{key};
  reader.text();
  const std::string month = reader.text(), action = reader.text(), department = reader.text();
  ordered_json out = {{"tenant", tenant},
                      {"month", month},
                      {"action_type", action.empty() ? ordered_json(nullptr) : ordered_json(action)},
                      {"department", department}};
  out.update(effect_numbers(seen));
  return out;
}

// Effects are counted by month; a date or a time stands for its month. Empty: it was not asked for.
Result<std::string> month_parameter(const http::Query& query, const char* name) {
  const std::string text(query.get(name).value_or(""));
  if (text.empty()) return text;
  const std::string month = text.substr(0, 7);
  if (text.size() == 7 ? !parse_date(text + "-01") : !parse_date(text) && !parse_time(text))
    return bad_input(name, "is no month (2026-03), date or time");
  return month;
}

http::Response effects(const http::Request& request, const Sources& sources) {
  auto tenants =
      request.query.get("tenant") ? task_tenants(request.query, sources) : sources.tenants_in(stage::Table::effects);
  if (!tenants) return refused(tenants.error());
  auto from = month_parameter(request.query, "from"), to = month_parameter(request.query, "to");
  if (!from) return refused(from.error());
  if (!to) return refused(to.error());
  ordered_json rows = ordered_json::array();
  for (const std::string& tenant : *tenants) {
    const std::string prefix = casework::tenant_key(tenant);
    auto scanned =
        sources.rows->scan(stage::Table::effects, shard_of_tenant(tenant, sources), prefix,
                           prefix_end(prefix).value_or(""), [&](std::string_view key, std::string_view value) {
                             state::Effects seen;
                             if (!seen.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
                             ordered_json row = effect_json(tenant, key, seen);
                             const std::string month = row["month"];
                             const bool within = (from->empty() || month >= *from) && (to->empty() || month < *to);
                             if (within) rows.push_back(std::move(row));
                             return true;
                           });
    if (!scanned) return refused(scanned.error());
  }
  return http::json(
      200, ordered_json{{"definition", "share of improved among improved, no_evidence and worse; docs/verification.md"},
                        {"items", rows},
                        {"next_cursor", nullptr}}
               .dump());
}

}  // namespace

void add_effect_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET", .path = "/api/v1/effects", .parameters = {"tenant", "from", "to"}},
             [sources](const http::Request& request) { return effects(request, *sources); });
}

}  // namespace echoloop::serving

// GET /api/v1/digests
#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/digest.h"
#include "pipeline/serving/export.h"
#include "pipeline/serving/parameters.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// The week that holds the time asked for, else the last whole one.
Result<Week> week_of(const http::Query& query, const TimeZone& zone) {
  auto asked = time_parameter(query, "week", zone);
  if (!asked) return tl::make_unexpected(asked.error());
  if (!*asked) return week_before(zone, wall_clock());
  return Week{period_start(zone, Interval::week, **asked), period_end(zone, Interval::week, **asked)};
}

http::Response digests(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  const Sources& sources = frozen.sources;
  const std::shared_ptr<const Domain> domain = sources.domain->get();
  auto tenant = tenant_parameter(request.query, *domain);
  if (!tenant) return refused(tenant.error());
  auto week = week_of(request.query, domain->zone_of(*tenant));
  if (!week) return refused(week.error());
  const std::vector<std::string> asked = request.query.list("department");
  ordered_json items = ordered_json::array();
  const auto add = [&](Result<std::optional<ordered_json>> digest) -> Result<void> {
    if (!digest) return tl::make_unexpected(digest.error());
    if (*digest) items.push_back(std::move(**digest));
    return {};
  };
  for (const auto& [id, department] : domain->departments) {
    if (!asked.empty() && std::find(asked.begin(), asked.end(), id) == asked.end()) continue;
    if (auto added = add(department_digest(*tenant, id, *week, sources, *domain)); !added)
      return refused(added.error());
  }
  if (asked.empty()) {
    if (auto added = add(praise_digest(*tenant, *week, sources, *domain)); !added) return refused(added.error());
  }
  return http::json(200, ordered_json{{"tenant", *tenant},
                                      {"from", format_time(week->from)},
                                      {"to", format_time(week->to)},
                                      {"items", std::move(items)},
                                      {"next_cursor", nullptr}}
                             .dump());
}

}  // namespace

void add_digest_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/digests",
              .parameters = {"tenant", "department", "week"},
              .lists = {"department"}},
             [sources](const http::Request& request) { return digests(request, *sources); });
}

}  // namespace echoloop::serving

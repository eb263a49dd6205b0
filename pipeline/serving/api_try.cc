// POST /api/v1/rules/try
#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/try_rules.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

http::Response tried(const http::Request& request, const ApiParts& parts) {
  auto domain = parts.with_rules(request.body);
  if (!domain) return http::problem(422, "Invalid rules", domain.error().reason);
  TrySpan span{
      {}, std::string(request.query.get("from").value_or("")), std::string(request.query.get("to").value_or(""))};
  if (auto tenant = request.query.get("tenant"); tenant && !tenant->empty()) span.tenant = std::string(*tenant);
  std::string lines;
  auto done = try_rules(span, *parts.sources, **domain, wall_clock(),
                        [&](const state::Task& task) { lines += task_json(task).dump() + "\n"; });
  if (!done) return refused(done.error());
  http::Response response;
  response.status = 200;
  response.headers.set("Content-Type", "application/x-ndjson");
  response.body = std::move(lines);
  return response;
}

}  // namespace

void add_try_routes(http::Router& router, const ApiParts& parts) {
  router.add({.method = "POST",
              .path = "/api/v1/rules/try",
              .parameters = {"tenant", "from", "to"},
              .body_types = {"application/yaml"},
              .body_max = 4u << 20},
             [parts](const http::Request& request) { return tried(request, parts); });
}

}  // namespace echoloop::serving

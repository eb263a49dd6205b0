// POST /api/v1/rules/try
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/try_rules.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

constexpr std::size_t kOpened_max = 50'000;  // some 100 MB

http::Response tried(const http::Request& request, const ApiParts& parts) {
  auto domain = parts.with_rules(request.body);
  if (!domain) return http::problem(422, "Invalid rules", domain.error().reason);
  TrySpan span{
      {}, std::string(request.query.get("from").value_or("")), std::string(request.query.get("to").value_or(""))};
  if (auto tenant = request.query.get("tenant"); tenant && !tenant->empty()) span.tenant = std::string(*tenant);
  std::string lines;
  std::size_t count = 0;
  auto done = try_rules(span, *parts.sources, **domain, wall_clock(), [&](const state::Task& task) {
    if (++count <= kOpened_max) lines += task_json(task).dump() + "\n";
  });
  if (!done) return refused(done.error());
  if (count > kOpened_max)
    return http::problem(422, "Too many tasks",
                         fmt::format("these rules would have opened {} tasks, and {} at most are told: ask for one "
                                     "tenant and a shorter span",
                                     count, kOpened_max));
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

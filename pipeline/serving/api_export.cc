// GET /api/v1/export/{what}, /api/v1/export/metrics: the lines of `echoloop export`, streamed.
#include <fmt/format.h>

#include "pipeline/serving/api.h"
#include "pipeline/serving/export.h"
#include "pipeline/serving/parameters.h"

namespace echoloop::serving {
namespace {

// The first piece is made before the answer begins, so that what cannot be answered is told with a status; a later
// failure cuts the stream off before its end.
http::Response streamed(http::Generator lines) {
  std::string first;
  auto more = lines(first);
  if (!more) return refused(more.error());
  http::Response response;
  response.content_type = "application/x-ndjson";
  response.stream = [lines = std::move(lines), first = std::move(first),
                     more = *more](std::string& out) mutable -> Result<bool> {
    if (first.empty() && more) return lines(out);
    out = std::exchange(first, {});
    return more;
  };
  return response;
}

http::Response rows(const http::Request& request, const Sources& sources) {
  const std::string& what = request.parts.at("what");
  TenantChoice tenant;
  if (auto asked = request.query.get("tenant"); asked && !asked->empty()) tenant = std::string(*asked);
  if (what == "aggregates") return streamed(export_aggregates(sources, tenant));
  if (what == "tasks") return streamed(export_tasks(sources, tenant));
  if (what == "feedback") return streamed(export_feedback(sources, tenant));
  return http::problem(404, "Unknown export",
                       fmt::format("'{}' is none of aggregates, feedback, metrics, tasks", what));
}

http::Response metrics(const http::Request& request, const Sources& sources) {
  auto lines = export_metrics(sources, request.query);
  return lines ? streamed(std::move(*lines)) : refused(lines.error());
}

}  // namespace

void add_export_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET", .path = "/api/v1/export/{what}", .parameters = {"tenant"}},
             [sources](const http::Request& request) { return rows(request, *sources); });
  router.add({.method = "GET",
              .path = "/api/v1/export/metrics",
              .parameters = {"tenant", "metric", "group_by", "interval", "from", "to"},
              .lists = {"metric", "group_by"}},
             [sources](const http::Request& request) { return metrics(request, *sources); });
}

}  // namespace echoloop::serving

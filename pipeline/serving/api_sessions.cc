// GET /api/v1/feedback, /api/v1/sessions/{id}, /api/v1/orphans
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/session_answer.h"
#include "processors/sessions/sessions.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

http::Response feedback(const http::Request& request, const Sources& sources) {
  auto domain = sources.domain->get();
  auto query = read_feedback_query(request, *domain);
  if (!query) return refused(query.error());
  ordered_json items = ordered_json::array();
  auto next = feedback_page(*query, sources, items);
  if (!next) return refused(next.error());
  return http::json(
      200, ordered_json{{"items", items},
                        {"next_cursor", *next ? ordered_json(make_cursor(request, **next)) : ordered_json(nullptr)}}
               .dump());
}

http::Response show_session(const http::Request& request, const Sources& sources) {
  auto domain = sources.domain->get();
  const std::string& id = request.parts.at("id");
  auto tenant = tenant_parameter(request.query, *domain);
  if (!tenant) return refused(tenant.error());
  auto bytes = sources.rows->get(stage::Table::sessions, sources.shard_of(id), sessions::session_key(*tenant, id));
  if (!bytes) return refused(bytes.error());
  if (!*bytes)
    return http::problem(404, "Unknown session", fmt::format("tenant '{}' has no session '{}'", *tenant, id));
  Arena arena;
  state::Session row;
  if (!state::parse(**bytes, arena, row))
    return refused(Error{Fault::world, "table sessions", "a row that cannot be read"});
  auto out = session_json(*tenant, id, row, sources);
  if (!out) return refused(out.error());
  return http::json(200, out->dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// Sessions with events but no close, by shard and key.
http::Response orphans(const http::Request& request, const Sources& sources) {
  auto domain = sources.domain->get();
  auto tenant = tenant_parameter(request.query, *domain);
  if (!tenant) return refused(tenant.error());
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  std::string prefix;
  put_key_text(prefix, *tenant);
  std::vector<std::string> keys;
  for (int shard = 0; shard < sources.shards; ++shard) {
    std::size_t taken = 0;
    auto scanned = sources.rows->scan(stage::Table::orphans, shard, *cursor ? **cursor + '\0' : prefix,
                                      prefix_end(prefix).value_or(""), [&](std::string_view key, std::string_view) {
                                        keys.emplace_back(key);
                                        return ++taken <= *limit;
                                      });
    if (!scanned) return refused(scanned.error());
  }
  std::sort(keys.begin(), keys.end());
  bool more = keys.size() > *limit;
  if (more) keys.resize(*limit);
  ordered_json items = ordered_json::array();
  for (const std::string& key : keys) {
    KeyReader reader{key};
    reader.text();
    items.push_back({{"tenant", *tenant}, {"session_id", reader.text()}});
  }
  return http::json(
      200, ordered_json{{"items", items},
                        {"next_cursor", more ? ordered_json(make_cursor(request, keys.back())) : ordered_json(nullptr)}}
               .dump());
}

}  // namespace

void add_session_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  std::vector<std::string> parameters = {"tenant", "from",        "to",    "score", "resolved",
                                         "text",   "has_comment", "limit", "cursor"};
  parameters.insert(parameters.end(), dimension_names().begin(), dimension_names().end());
  router.add({.method = "GET", .path = "/api/v1/feedback", .parameters = parameters, .lists = dimension_names()},
             [sources](const http::Request& request) { return feedback(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/sessions/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) { return show_session(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/orphans", .parameters = {"tenant", "limit", "cursor"}},
             [sources](const http::Request& request) { return orphans(request, *sources); });
}

}  // namespace echoloop::serving

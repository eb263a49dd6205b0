// GET /api/v1/explain/task/{id}, /explain/metric/{name}, /explain/session/{id}, /explain/event/{id}
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/explain_event.h"
#include "pipeline/serving/explain_metric.h"
#include "pipeline/serving/explain_session.h"
#include "pipeline/serving/explain_task.h"
#include "pipeline/serving/export.h"
#include "pipeline/serving/metric_answer.h"
#include "pipeline/serving/metric_values.h"
#include "pipeline/serving/task_rows.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

http::Response task(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  auto found = task_of(request, frozen.sources);
  if (!found) return refused(found.error());
  if (!*found) return no_such_task(request);
  auto out = explain_task(**found, frozen.sources, *live.domain->get());
  return out ? http::json(200, text_of(*out)) : refused(out.error());
}

// An answer about a metric on its way: the head, then row after row.
struct Rows {
  MetricQuery query;
  Metric definition;
  MetricRows rows;
  RowParts parts;
  MetricRows::const_iterator next;
  std::string head;  // until it was sent

  std::string row_text() {
    const auto& [key, measures] = *next;
    ordered_json row = metric_row(query, definition, key, measures);
    row["sessions"] = ordered_json::array();
    for (const RowPart& part : parts[key]) {
      row["sessions"].push_back({{"session_id", part.session_id},
                                 {"bucket", format_time(part.bucket)},
                                 {"numerator", numerator_json(*query.metric, part.adds.numerator)},
                                 {"n", part.adds.n}});
    }
    std::string out = (next == rows.begin() ? "" : ",") + row.dump();
    ++next;
    parts.erase(key);
    return out;
  }
};

http::Response metric(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  auto domain = live.domain->get();
  const std::string& name = request.parts.at("name");
  const Metric* definition = find_definition(name, *domain);
  if (definition == nullptr) return no_such_metric(name);
  auto query = read_metric_query(name, request.query, *domain);
  if (!query) return refused(query.error());
  auto head = values_head(*query, *definition, frozen.sources, *domain);
  if (!head) return refused(head.error());
  auto rows = collect(*query, frozen.sources, *domain);
  if (!rows) return refused(rows.error());
  auto parts = parts_of_rows(*query, frozen.sources, *domain);
  if (!parts) return refused(parts.error());
  auto answer =
      std::make_shared<Rows>(Rows{*query, *definition, std::move(*rows), std::move(*parts), {}, head->dump()});
  answer->head.back() = ',';
  answer->head += "\"rows\":[";
  answer->next = answer->rows.begin();
  http::Response response;
  response.content_type = "application/json";
  response.stream = [answer](std::string& chunk) -> Result<bool> {
    chunk += std::exchange(answer->head, {});
    if (answer->next == answer->rows.end()) {
      chunk += "]}";
      return false;
    }
    chunk += answer->row_text();
    return true;
  };
  return response;
}

http::Response explain_session_of(const http::Request& request, const Sources& live) {
  const Frozen frozen{live};
  auto found = find_session(request.query, request.parts.at("id"), frozen.sources);
  if (!found) return refused(found.error());
  if (!*found)
    return http::problem(404, "Unknown session", fmt::format("there is no session '{}'", request.parts.at("id")));
  auto out = explain_session(**found, frozen.sources, *live.domain->get());
  return out ? http::json(200, text_of(*out)) : refused(out.error());
}

// An event that is nowhere is an answer too, once all has been read: `items` is empty.
http::Response event(const http::Request& request, const Sources& sources) {
  EventQuery query{request.parts.at("id"), {}, {}, {}};
  for (auto [name, into] :
       {std::pair{"source", &query.source}, {"tenant", &query.tenant}, {"session", &query.session}}) {
    if (auto asked = request.query.get(name); asked && !asked->empty()) *into = std::string(*asked);
  }
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  LogPlace from;
  if (*cursor) {
    KeyReader reader{**cursor};
    from.shard = static_cast<int>(reader.u32());
    from.offset = static_cast<std::int64_t>(reader.u64());
  }
  auto domain = sources.domain->get();
  auto found = query.session ? event_of_session(query, sources, *domain) : search_event(query, from, sources, *domain);
  if (!found) return refused(found.error());
  ordered_json next = nullptr;
  if (found->next) {
    std::string key;
    put_key_u32(key, static_cast<std::uint32_t>(found->next->shard));
    put_key_u64(key, static_cast<std::uint64_t>(found->next->offset));
    next = make_cursor(request, key);
  }
  ordered_json state = found->next ? "searching" : "unknown";
  if (!found->items.empty()) state = found->items.front()["state"];
  return http::json(200,
                    text_of({{"event_id", query.id},
                             {"state", state},
                             {"items", found->items},
                             {"searched", {{"what", query.session ? "session" : "log"}, {"records", found->searched}}},
                             {"next_cursor", next}}));
}

}  // namespace

void add_explain_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET", .path = "/api/v1/explain/task/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) { return task(request, *sources); });
  std::vector<std::string> parameters = {"tenant", "from", "to", "interval", "group_by", "timezone"};
  parameters.insert(parameters.end(), dimension_names().begin(), dimension_names().end());
  std::vector<std::string> lists = dimension_names();
  lists.emplace_back("group_by");
  router.add({.method = "GET", .path = "/api/v1/explain/metric/{name}", .parameters = parameters, .lists = lists},
             [sources](const http::Request& request) { return metric(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/explain/session/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) { return explain_session_of(request, *sources); });
  router.add(
      {.method = "GET", .path = "/api/v1/explain/event/{id}", .parameters = {"tenant", "source", "session", "cursor"}},
      [sources](const http::Request& request) { return event(request, *sources); });
}

}  // namespace echoloop::serving

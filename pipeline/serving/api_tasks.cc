// GET /api/v1/tasks, /api/v1/tasks/{id}
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/clocks.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

struct TaskFilter {
  std::vector<std::string> departments, states, kinds;
  std::optional<bool> overdue;

  bool matches(const state::Task& task, Time now) const {
    const auto among = [](const std::vector<std::string>& list, const std::string& value) {
      return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    if (!among(departments, task.department()) || !among(states, task.state()) || !among(kinds, task.kind()))
      return false;
    return !overdue || *overdue == casework::is_overdue(task, now);
  }
};

constexpr std::string_view kKinds[] = {"recovery", "improvement", "safety", "praise"};

Result<TaskFilter> read_filter(const http::Query& query) {
  TaskFilter out;
  out.departments = query.list("department");
  out.states = words_parameter(query, "state");
  out.kinds = words_parameter(query, "kind");
  for (const auto& [name, words, known] :
       {std::tuple{"state", &out.states, std::span<const std::string_view>{casework::kTaskStates}},
        {"kind", &out.kinds, kKinds}}) {
    for (const std::string& word : *words) {
      if (std::find(known.begin(), known.end(), word) == known.end())
        return bad_input(name, fmt::format("'{}' is none of {}", word, fmt::join(known, ", ")));
    }
  }
  if (auto overdue = query.get("overdue")) {
    if (*overdue != "true" && *overdue != "false")
      return bad_input("overdue", fmt::format("'{}' is neither true nor false", *overdue));
    out.overdue = *overdue == "true";
  }
  return out;
}

http::Response list(const http::Request& request, const Sources& sources) {
  auto filter = read_filter(request.query);
  if (!filter) return refused(filter.error());
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto tenants = task_tenants(request.query, sources);
  if (!tenants) return refused(tenants.error());
  std::optional<Error> failed;
  // Newest first over all tenants: an index key without its tenant orders them; the tenant breaks ties.
  std::vector<std::pair<std::string, state::Task>> found;
  for (const std::string& tenant : *tenants) {
    std::string prefix;
    put_key_text(prefix, tenant);
    int shard = shard_of_tenant(tenant, sources);
    std::size_t taken = 0;
    auto scanned = sources.rows->scan(stage::Table::task_index, shard, prefix, prefix_end(prefix).value_or(""),
                                      [&](std::string_view key, std::string_view) {
                                        std::string order = std::string(key.substr(prefix.size())) + prefix;
                                        if (*cursor && order <= **cursor) return true;
                                        KeyReader reader{key};
                                        reader.text();
                                        reader.time_ms();
                                        auto task = find_task(tenant, reader.text(), sources);
                                        if (!task) {
                                          failed = task.error();
                                          return false;
                                        }
                                        if (!*task || !filter->matches(**task, wall_clock())) return true;
                                        found.emplace_back(std::move(order), std::move(**task));
                                        return ++taken <= *limit;
                                      });
    if (!scanned) return refused(scanned.error());
    if (failed) return refused(*failed);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  bool more = found.size() > *limit;
  if (more) found.resize(*limit);
  ordered_json items = ordered_json::array();
  for (const auto& [order, task] : found) items.push_back(task_json(task));
  return http::json(200, ordered_json{{"items", items},
                                      {"next_cursor", more ? ordered_json(make_cursor(request, found.back().first))
                                                           : ordered_json(nullptr)}}
                             .dump());
}

}  // namespace

void add_task_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/tasks",
              .parameters = {"tenant", "department", "state", "kind", "overdue", "limit", "cursor"},
              .lists = {"department", "state", "kind"}},
             [sources](const http::Request& request) { return list(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/tasks/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) {
               auto task = task_of(request, *sources);
               if (!task) return refused(task.error());
               return *task ? with_etag(200, **task) : no_such_task(request);
             });
}

}  // namespace echoloop::serving

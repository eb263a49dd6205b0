// GET /api/v1/tasks/{id}/customers
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/cause_rows.h"
#include "pipeline/serving/explain_session.h"
#include "pipeline/serving/export.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// What stands behind a task: sessions of one window of its cause, or its one session.
struct Part {
  std::int64_t start = 0;
  std::vector<std::string> sessions;
};

// Of the task and of those merged into it.
Result<void> collect_parts(const state::Task& task, const Sources& sources, const Domain& domain,
                           std::set<std::string>& seen, std::vector<Part>& out) {
  if (!seen.insert(task.id()).second) return {};
  if (!task.session_id().empty()) {
    out.push_back({task.opened_at(), {task.session_id()}});
  } else {
    auto rule = std::find_if(domain.thresholds.begin(), domain.thresholds.end(),
                             [&](const ThresholdRule& one) { return one.id == task.rule(); });
    auto windows = windows_of(task, sources);
    if (!windows) return tl::make_unexpected(windows.error());
    const std::size_t before = out.size();
    for (const state::Cause::Window& window : *windows) {
      if (rule == domain.thresholds.end()) break;
      auto sessions = evidence_of(task, *rule, window.start(), sources);
      if (!sessions) return tl::make_unexpected(sessions.error());
      if (!sessions->empty()) out.push_back({window.start(), std::move(*sessions)});
    }
    // Split off from another task, or its rule is another or gone: what it has of sessions itself.
    if (out.size() == before) out.push_back({task.opened_at(), {task.sample().begin(), task.sample().end()}});
  }
  for (const std::string& id : task.merged()) {
    auto other = find_task(task.tenant(), id, sources);
    if (!other) return tl::make_unexpected(other.error());
    if (!*other) continue;
    if (auto more = collect_parts(**other, sources, domain, seen, out); !more) return more;
  }
  return {};
}

std::string customer_of(const state::Session& row) {
  if (row.close && !row.close->customer_id.empty()) return std::string(row.close->customer_id);
  for (const state::Evaluation& one : row.evaluations) {
    if (!one.customer_id.empty()) return std::string(one.customer_id);
  }
  return {};
}

http::Response list_customers(const http::Request& request, const Sources& live) {
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  const Frozen frozen{live};
  auto task = task_of(request, frozen.sources);
  if (!task) return refused(task.error());
  if (!*task) return no_such_task(request);
  std::set<std::string> seen;
  std::vector<Part> parts;
  if (auto collected = collect_parts(**task, frozen.sources, *live.domain->get(), seen, parts); !collected)
    return refused(collected.error());
  // Each session once, in the window that it came in first.
  std::vector<std::pair<std::string, std::string>> sessions;  // order, id
  for (const Part& part : parts) {
    for (const std::string& session : part.sessions) {
      std::string order;
      put_key_time(order, part.start);
      put_key_text(order, session);
      sessions.emplace_back(std::move(order), session);
    }
  }
  std::sort(sessions.begin(), sessions.end());
  std::set<std::string_view> listed;
  const std::set<std::string> told{(*task)->told().customers().begin(), (*task)->told().customers().end()};
  ordered_json items = ordered_json::array();
  std::string last;
  bool more = false;
  for (const auto& [order, session] : sessions) {
    if (!listed.insert(session).second || (*cursor && order <= **cursor)) continue;
    more = items.size() == *limit;
    if (more) break;
    last = order;
    http::Query asked;
    asked.add("tenant", {(*task)->tenant()});
    auto found = find_session(asked, session, frozen.sources);
    if (!found) return refused(found.error());
    const std::string customer = *found ? customer_of((*found)->row) : std::string{};
    items.push_back({{"session_id", session},
                     {"customer_id", customer.empty() ? ordered_json(nullptr) : ordered_json(customer)},
                     {"told", told.contains(customer)}});
  }
  return http::json(
      200, ordered_json{{"items", items},
                        {"next_cursor", more ? ordered_json(make_cursor(request, last)) : ordered_json(nullptr)}}
               .dump());
}

}  // namespace

void add_task_customer_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET", .path = "/api/v1/tasks/{id}/customers", .parameters = {"tenant", "limit", "cursor"}},
             [sources](const http::Request& request) { return list_customers(request, *sources); });
}

}  // namespace echoloop::serving

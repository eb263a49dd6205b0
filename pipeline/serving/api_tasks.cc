// GET /api/v1/tasks, /api/v1/tasks/{id}, POST /api/v1/tasks/{id}/commands
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "processors/casework/case_book.h"
#include "processors/casework/lifecycle.h"
#include "schemas/codec.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// A command is decided within two epochs; this is for a machine in trouble.
constexpr Duration kDecisionWait{10'000};

int shard_of_tenant(const std::string& tenant, const Sources& sources) {
  std::string key;
  put_key_text(key, tenant);
  return sources.shard_of(key);
}

// Tenants to look in: the one asked for, else all that the configuration knows.
Result<std::vector<std::string>> tenants_of(const http::Query& query, const Domain& domain) {
  if (auto tenant = query.get("tenant"); tenant && !tenant->empty())
    return std::vector<std::string>{std::string(*tenant)};
  std::vector<std::string> out;
  for (const auto& [id, tenant] : domain.tenants) out.push_back(id);
  return out;
}

Result<std::optional<state::Task>> find_task(const std::string& tenant, const std::string& id, const Sources& sources) {
  auto bytes = sources.rows->get(stage::Table::tasks, shard_of_tenant(tenant, sources), casework::task_key(tenant, id));
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return std::optional<state::Task>{};
  state::Task task;
  task.ParseFromString(**bytes);
  return std::optional<state::Task>{std::move(task)};
}

struct TaskFilter {
  std::vector<std::string> departments, states, kinds;
  std::optional<bool> overdue;

  bool matches(const state::Task& task, Time now) const {
    const auto among = [](const std::vector<std::string>& list, const std::string& value) {
      return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
    };
    if (!among(departments, task.department()) || !among(states, task.state()) || !among(kinds, task.kind()))
      return false;
    return !overdue || *overdue == is_overdue(task, now);
  }

  static bool is_overdue(const state::Task& task, Time now) {
    if (casework::is_end(task.state()) || task.state() == casework::task_state::kDone) return false;
    if (task.state() == casework::task_state::kOpened && to_ms(now) > task.acknowledge_by()) return true;
    return to_ms(now) > task.done_by();
  }
};

// As the API describes them, those that nothing leads to yet included.
constexpr std::string_view kStates[] = {"opened",       "acknowledged",    "accepted", "in_progress", "on_hold",
                                        "done",         "customer_told",   "closed",   "verifying",   "verified",
                                        "not_improved", "not_enough_data", "rejected", "cancelled"};
constexpr std::string_view kKinds[] = {"recovery", "improvement", "safety", "praise"};

Result<TaskFilter> read_filter(const http::Query& query) {
  TaskFilter out;
  out.departments = query.list("department");
  out.states = words_parameter(query, "state");
  out.kinds = words_parameter(query, "kind");
  for (const auto& [name, words, known] :
       {std::tuple{"state", &out.states, std::span<const std::string_view>{kStates}}, {"kind", &out.kinds, kKinds}}) {
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
  auto domain = sources.domain->get();
  auto filter = read_filter(request.query);
  if (!filter) return refused(filter.error());
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto tenants = tenants_of(request.query, *domain);
  if (!tenants) return refused(tenants.error());
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
                                        if (!task || !*task || !filter->matches(**task, wall_clock())) return true;
                                        found.emplace_back(std::move(order), std::move(**task));
                                        return ++taken <= *limit;
                                      });
    if (!scanned) return refused(scanned.error());
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  bool more = found.size() > *limit;
  if (more) found.resize(*limit);
  ordered_json items = ordered_json::array();
  for (const auto& [order, task] : found) items.push_back(task_json(task));
  return http::json(
      200, ordered_json{{"items", items},
                        {"next_cursor", more ? ordered_json(make_cursor(request, found.back().first)) : ordered_json(nullptr)}}
               .dump());
}

http::Response with_etag(int status, const state::Task& task) {
  http::Response response = http::json(status, task_json(task).dump());
  response.headers.set("ETag", task_etag(task));
  return response;
}

// The task, in whichever of the tenants; ids are hashes and belong to one.
Result<std::optional<state::Task>> task_of(const http::Request& request, const Sources& sources) {
  auto domain = sources.domain->get();
  auto tenants = tenants_of(request.query, *domain);
  if (!tenants) return tl::make_unexpected(tenants.error());
  for (const std::string& tenant : *tenants) {
    auto task = find_task(tenant, request.parts.at("id"), sources);
    if (!task || *task) return task;
  }
  return std::optional<state::Task>{};
}

http::Response no_such_task(const http::Request& request) {
  return http::problem(404, "Unknown task", fmt::format("there is no task '{}'", request.parts.at("id")));
}

http::Response answer(const state::CommandResult& result, const http::Request& request, const Sources& sources) {
  if (result.status() == 200 || result.status() == 412) {
    auto task = task_of(request, sources);
    if (!task) return refused(task.error());
    if (!*task) return no_such_task(request);
    if (result.status() == 200) return with_etag(200, **task);
    http::Problem problem{412, "Task has changed", result.detail(), {}, {{"task", task_json(**task).dump()}}};
    http::Response response = http::problem(std::move(problem));
    response.headers.set("ETag", task_etag(**task));
    return response;
  }
  if (result.status() == 409) {
    ordered_json allowed = std::vector<std::string>(result.allowed().begin(), result.allowed().end());
    return http::problem(
        http::Problem{409, "Command not possible", result.detail(), {}, {{"allowed", allowed.dump()}}});
  }
  return http::problem(result.status(), result.status() == 404 ? "Unknown task" : "Command refused", result.detail());
}

// The command as an event, like any that comes in by Kafka or file: one place decides. The caller's id, where given,
// makes a repetition harmless.
http::Response command(const http::Request& request, const ApiParts& parts) {
  const Sources& sources = *parts.sources;
  auto if_match = request.headers.get("If-Match");
  if (!if_match)
    return http::problem(428, "Precondition required", "send If-Match with the task's ETag, or * for any state");
  auto task = task_of(request, sources);
  if (!task) return refused(task.error());
  if (!*task) return no_such_task(request);
  ordered_json data = ordered_json::parse(request.body, nullptr, false);
  if (!data.is_object())
    return http::problem(400, "Invalid request",
                         "the body is not a JSON object such as {\"command\":\"acknowledge\",\"by\":\"li\"}");
  data["tenant"] = (*task)->tenant();
  data["task_id"] = (*task)->id();
  data["if_match"] = std::string(http::trimmed(*if_match));
  ordered_json event = {
      {"specversion", "1.0"},      {"type", "echoloop.task.command.v1"},
      {"source", "/echoloop/api"}, {"id", std::string(request.headers.get("Idempotency-Key").value_or(request.id))},
      {"subject", (*task)->id()},  {"time", format_time(wall_clock())},
      {"data", std::move(data)}};
  std::string text = event.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  EventDecoder decoder;
  auto decoded = decoder.decode(text);
  if (!decoded)
    return http::problem(422, "Invalid command", decoded.error().text(), {{decoded.error().where, "invalid", ""}});
  std::string result_key = casework::command_key(decoded->source, decoded->id);
  int shard = shard_of_tenant((*task)->tenant(), sources);
  stage::Append append{stage::Kind::event, partition_key_of(*decoded), text, wall_clock()};
  auto appended = parts.appender->append({&append, 1});
  if (!appended) return refused(appended.error());
  if (*appended == stage::Appended::full) {
    http::Response busy = http::problem(429, "Too busy", "too much is waiting to be processed");
    busy.headers.set("Retry-After", "1");
    return busy;
  }
  std::optional<state::CommandResult> result;
  parts.bell->wait(kDecisionWait, [&] {
    auto bytes = sources.rows->get(stage::Table::command_results, shard, result_key);
    if (bytes && *bytes) result.emplace().ParseFromString(**bytes);
    return result.has_value();
  });
  if (!result)
    return http::problem(503, "Not decided yet",
                         "the command is safe in the log and will be decided; ask for the task later");
  return answer(*result, request, sources);
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
  router.add({.method = "POST",
              .path = "/api/v1/tasks/{id}/commands",
              .parameters = {"tenant"},
              .body_types = {"application/json"},
              .body_max = 1u << 20},
             [parts](const http::Request& request) { return command(request, parts); });
}

}  // namespace echoloop::serving

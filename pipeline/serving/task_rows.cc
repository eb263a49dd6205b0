#include "pipeline/serving/task_rows.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "processors/casework/case_book.h"
#include "schemas/task_json.h"

namespace echoloop::serving {

int shard_of_tenant(const std::string& tenant, const Sources& sources) {
  std::string key;
  put_key_text(key, tenant);
  return sources.shard_of(key);
}

Result<std::vector<std::string>> task_tenants(const http::Query& query, const Sources& sources) {
  if (auto tenant = query.get("tenant"); tenant && !tenant->empty())
    return std::vector<std::string>{std::string(*tenant)};
  return sources.tenants_in(stage::Table::task_index);
}

Result<std::optional<state::Task>> find_task(const std::string& tenant, const std::string& id, const Sources& sources) {
  auto bytes = sources.rows->get(stage::Table::tasks, shard_of_tenant(tenant, sources), casework::task_key(tenant, id));
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return std::optional<state::Task>{};
  state::Task task;
  task.ParseFromString(**bytes);
  return std::optional<state::Task>{std::move(task)};
}

Result<std::vector<casework::TaskList>> lists_of(const std::string& tenant, const Sources& sources) {
  const std::string prefix = casework::tenant_key(tenant), end = prefix_end(prefix).value_or("");
  std::vector<casework::TaskList> out;
  std::optional<std::string> from = prefix;
  while (from) {
    std::optional<casework::Listed> found;
    auto scanned = sources.rows->scan(stage::Table::task_lists, shard_of_tenant(tenant, sources), *from, end,
                                      [&](std::string_view key, std::string_view) {
                                        found = casework::parse_list_key(key);
                                        return false;
                                      });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (!found) break;
    from = prefix_end(casework::list_prefix(tenant, found->list));
    out.push_back(std::move(found->list));
  }
  return out;
}

Result<std::optional<state::Task>> task_of(const http::Request& request, const Sources& sources) {
  auto tenants = task_tenants(request.query, sources);
  if (!tenants) return tl::make_unexpected(tenants.error());
  for (const std::string& tenant : *tenants) {
    auto task = find_task(tenant, request.parts.at("id"), sources);
    if (!task || *task) return task;
  }
  return std::optional<state::Task>{};
}

http::Response with_etag(int status, const state::Task& task) {
  http::Response response = http::json(status, task_json(task).dump());
  response.headers.set("ETag", task_etag(task));
  return response;
}

http::Response no_such_task(const http::Request& request) {
  return http::problem(404, "Unknown task", fmt::format("there is no task '{}'", request.parts.at("id")));
}

}  // namespace echoloop::serving

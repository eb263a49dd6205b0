// GET /api/v1/tasks, /api/v1/tasks/{id}
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/clocks.h"
#include "processors/casework/task_lists.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

struct TaskFilter {
  std::vector<std::string> departments, states, kinds;
  std::optional<bool> overdue;

  bool is_all() const { return departments.empty() && states.empty() && kinds.empty() && !overdue; }
  bool names(const casework::TaskList& list) const {
    return among(departments, list.department) && among(states, list.state) && among(kinds, list.kind) &&
           (!overdue || *overdue == list.overdue);
  }
  bool matches(const state::Task& task, Time now) const {
    return names({task.department(), task.state(), task.kind(), casework::is_overdue(task, now)});
  }

 private:
  static bool among(const std::vector<std::string>& list, const std::string& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  }
};

constexpr std::string_view kKinds[] = {"recovery", "improvement", "safety", "praise"};

Result<TaskFilter> read_task_filter(const http::Query& query) {
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

// A page in the making: the first `most` in the order of their keys, newest first over all tenants. An order key is an
// index key without its tenant; the tenant breaks ties.
class TaskPage {
 public:
  TaskPage(std::size_t most, std::optional<std::string> after) : most_(most), after_(std::move(after)) {}

  struct Entry {
    std::string order, tenant, id;
  };
  // Whether it lies behind the cursor.
  bool begins_before(std::string_view order) const { return !after_ || order > *after_; }
  // Whether it belongs to the page, as far as that is known.
  bool takes(std::string_view order) const { return entries_.size() < most_ || order < entries_.rbegin()->first; }
  void add(Entry entry) {
    std::string order = entry.order;
    entries_.insert_or_assign(std::move(order), std::move(entry));
    if (entries_.size() > most_) entries_.erase(std::prev(entries_.end()));
  }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  const std::optional<std::string>& after() const { return after_; }

 private:
  const std::size_t most_;
  const std::optional<std::string> after_;
  std::map<std::string, Entry, std::less<>> entries_;
};

// The part of a cursor that lies within a tenant's keys: where a scan may begin.
std::string begin_of(const std::string& prefix, const TaskPage& page, const std::string& tenant) {
  if (!page.after()) return prefix;
  std::string_view order = *page.after();
  if (order.ends_with(tenant)) order.remove_suffix(tenant.size());
  // Of another tenant: the entry of the same moment may lie on either side, so a little is read twice.
  constexpr std::size_t kMoment = 8;
  return prefix + std::string(page.after()->ends_with(tenant) ? order : order.substr(0, kMoment));
}

// By the index of all tasks: everything, or tasks whose lists are not complete yet.
Result<void> walk_index(const std::string& tenant, const TaskFilter& filter, const Sources& sources, TaskPage& page) {
  const std::string prefix = casework::tenant_key(tenant);
  std::optional<Error> failed;
  auto scanned =
      sources.rows->scan(stage::Table::task_index, shard_of_tenant(tenant, sources), begin_of(prefix, page, prefix),
                         prefix_end(prefix).value_or(""), [&](std::string_view key, std::string_view) {
                           std::string order = std::string(key.substr(prefix.size())) + prefix;
                           if (!page.begins_before(order)) return true;
                           if (!page.takes(order)) return false;
                           KeyReader reader{key};
                           reader.text();
                           reader.time_ms();
                           std::string id = reader.text();
                           if (!filter.is_all()) {
                             auto task = find_task(tenant, id, sources);
                             if (!task) failed = task.error();
                             if (failed) return false;
                             if (!*task || !filter.matches(**task, wall_clock())) return true;
                           }
                           page.add({std::move(order), tenant, std::move(id)});
                           return true;
                         });
  if (failed) return tl::make_unexpected(*failed);
  return scanned;
}

Result<void> merge_lists(const std::string& tenant, const TaskFilter& filter, const Sources& sources, TaskPage& page) {
  auto lists = lists_of(tenant, sources);
  if (!lists) return tl::make_unexpected(lists.error());
  const std::string suffix = casework::tenant_key(tenant);
  for (const casework::TaskList& list : *lists) {
    if (!filter.names(list)) continue;
    const std::string prefix = casework::list_prefix(tenant, list);
    auto scanned =
        sources.rows->scan(stage::Table::task_lists, shard_of_tenant(tenant, sources), begin_of(prefix, page, suffix),
                           prefix_end(prefix).value_or(""), [&](std::string_view key, std::string_view) {
                             std::string order = std::string(key.substr(prefix.size())) + suffix;
                             if (!page.begins_before(order)) return true;
                             if (!page.takes(order)) return false;
                             if (auto listed = casework::parse_list_key(key))
                               page.add({std::move(order), tenant, std::move(listed->id)});
                             return true;
                           });
    if (!scanned) return scanned;
  }
  return {};
}

Result<void> read_page(const std::string& tenant, const TaskFilter& filter, const Sources& sources, TaskPage& page) {
  if (filter.is_all()) return walk_index(tenant, filter, sources, page);
  auto all_listed = sources.rows->get(stage::Table::counters, shard_of_tenant(tenant, sources), casework::kAll_listed);
  if (!all_listed) return tl::make_unexpected(all_listed.error());
  return *all_listed ? merge_lists(tenant, filter, sources, page) : walk_index(tenant, filter, sources, page);
}

http::Response list_tasks(const http::Request& request, const Sources& sources) {
  auto filter = read_task_filter(request.query);
  if (!filter) return refused(filter.error());
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto tenants = task_tenants(request.query, sources);
  if (!tenants) return refused(tenants.error());
  TaskPage page{*limit + 1, *cursor};
  for (const std::string& tenant : *tenants) {
    if (auto read = read_page(tenant, *filter, sources, page); !read) return refused(read.error());
  }
  ordered_json items = ordered_json::array();
  std::string last;
  std::size_t shown = 0;
  for (const auto& [order, entry] : page.entries()) {
    if (shown == *limit) break;
    auto task = find_task(entry.tenant, entry.id, sources);
    if (!task) return refused(task.error());
    ++shown;
    last = order;
    if (*task) items.push_back(task_json(**task));
  }
  const bool more = page.entries().size() > *limit;
  return http::json(
      200, ordered_json{{"items", items},
                        {"next_cursor", more ? ordered_json(make_cursor(request, last)) : ordered_json(nullptr)}}
               .dump());
}

}  // namespace

void add_task_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/tasks",
              .parameters = {"tenant", "department", "state", "kind", "overdue", "limit", "cursor"},
              .lists = {"department", "state", "kind"}},
             [sources](const http::Request& request) { return list_tasks(request, *sources); });
  router.add({.method = "GET", .path = "/api/v1/tasks/{id}", .parameters = {"tenant"}},
             [sources](const http::Request& request) {
               auto task = task_of(request, *sources);
               if (!task) return refused(task.error());
               return *task ? with_etag(200, **task) : no_such_task(request);
             });
}

}  // namespace echoloop::serving

// GET /api/v1/customers/open-issues
#include <nlohmann/json.hpp>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/api.h"
#include "pipeline/serving/parameters.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/case_book.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// A page of customers, gathered from their rows; the cursor is the last customer's key.
class CustomerPage {
 public:
  CustomerPage(const Sources& sources, std::size_t limit) : sources_(sources), limit_(limit) {}

  ordered_json items = ordered_json::array();
  std::string last;
  bool more = false;

  Result<void> add(const std::string& tenant, const std::string& from, const std::string& to) {
    std::optional<Error> failed;
    auto scanned = sources_.rows->scan(stage::Table::open_customers, shard_of_tenant(tenant, sources_), from, to,
                                       [&](std::string_view key, std::string_view) {
                                         KeyReader reader{key};
                                         reader.text();
                                         const std::string customer = reader.text(), id = reader.text();
                                         auto task = find_task(tenant, id, sources_);
                                         if (!task) failed = task.error();
                                         if (!task) return false;
                                         return !*task || take(tenant, customer, **task);
                                       });
    if (failed) return tl::make_unexpected(*failed);
    return scanned;
  }

 private:
  bool take(const std::string& tenant, const std::string& customer, const state::Task& task) {
    const bool same = !items.empty() && items.back()["tenant"] == tenant && items.back()["customer_id"] == customer;
    if (!same) {
      more = items.size() == limit_;
      if (more) return false;
      items.push_back({{"tenant", tenant}, {"customer_id", customer}, {"tasks", ordered_json::array()}});
      last = casework::tenant_key(tenant);
      put_key_text(last, customer);
    }
    items.back()["tasks"].push_back(open_issue_json(task));
    return true;
  }

  const Sources& sources_;
  const std::size_t limit_;
};

http::Response open_issues(const http::Request& request, const Sources& sources) {
  auto limit = limit_parameter(request.query);
  if (!limit) return refused(limit.error());
  auto cursor = cursor_parameter(request);
  if (!cursor) return refused(cursor.error());
  auto tenants = request.query.get("tenant") ? task_tenants(request.query, sources)
                                             : sources.tenants_in(stage::Table::open_customers);
  if (!tenants) return refused(tenants.error());
  CustomerPage page{sources, *limit};
  for (const std::string& tenant : *tenants) {
    std::string from = casework::tenant_key(tenant);
    if (auto customer = request.query.get("customer"); customer && !customer->empty()) put_key_text(from, *customer);
    const std::string to = prefix_end(from).value_or("");
    // Behind the last customer that was shown.
    if (*cursor) from = std::max(from, prefix_end(**cursor).value_or(to));
    if (!to.empty() && from >= to) continue;
    if (auto added = page.add(tenant, from, to); !added) return refused(added.error());
    if (page.more) break;
  }
  return http::json(200, ordered_json{{"items", page.items},
                                      {"next_cursor", page.more ? ordered_json(make_cursor(request, page.last))
                                                                : ordered_json(nullptr)}}
                             .dump());
}

}  // namespace

void add_customer_routes(http::Router& router, const ApiParts& parts) {
  auto sources = parts.sources;
  router.add({.method = "GET",
              .path = "/api/v1/customers/open-issues",
              .parameters = {"tenant", "customer", "limit", "cursor"}},
             [sources](const http::Request& request) { return open_issues(request, *sources); });
}

}  // namespace echoloop::serving

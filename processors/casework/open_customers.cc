#include "processors/casework/open_customers.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "pipeline/base/bytes.h"
#include "processors/casework/case_book.h"
#include "schemas/task_json.h"

namespace echoloop::casework {
namespace {

using nlohmann::ordered_json;

// Somebody whom a broken integration calls by one name for all has a million.
constexpr std::size_t kTold_max = 20;

std::string prefix_of(std::string_view tenant, std::string_view customer) {
  std::string key = tenant_key(tenant);
  put_key_text(key, customer);
  return key;
}

std::string key_of(const state::Task& task) {
  std::string key = prefix_of(task.tenant(), task.customer_id());
  put_key_text(key, task.id());
  return key;
}

// Ids of open tasks, one more than are told when there are more.
std::vector<std::string> open_tasks(const std::string& tenant, const std::string& customer, stage::Context& context) {
  const std::string from = prefix_of(tenant, customer);
  std::vector<std::string> out;
  context.scan(stage::Table::open_customers, from, prefix_end(from).value_or(""), [&](std::string_view key, auto) {
    key.remove_prefix(from.size());
    out.push_back(KeyReader{key}.text());
    return out.size() <= kTold_max;
  });
  return out;
}

ordered_json issues_json(std::vector<std::string>& ids, const std::string& tenant, stage::Context& context) {
  ordered_json out = ordered_json::array();
  for (const std::string& id : ids) {
    const auto row = context.get(stage::Table::tasks, task_key(tenant, id));
    state::Task task;
    if (row && task.ParseFromString(*row)) out.push_back(open_issue_json(task));
  }
  return out;
}

}  // namespace

void put_open_issue(const state::Task& task, stage::Context& context) {
  if (!task.customer_id().empty()) context.put(stage::Table::open_customers, key_of(task), "");
}

void erase_open_issue(const state::Task& task, stage::Context& context) {
  if (!task.customer_id().empty()) context.erase(stage::Table::open_customers, key_of(task));
}

void OpenCustomers::note(const std::optional<state::Task>& before, const state::Task& task) {
  if (task.customer_id().empty()) return;
  if (before && open_issue_json(*before) == open_issue_json(task)) return;
  changed_.emplace(task.tenant(), task.customer_id());
}

void OpenCustomers::tell(stage::Context& context) const {
  for (const auto& [tenant, customer] : changed_) {
    const ordered_json who{{"tenant", tenant}, {"customer_id", customer}};
    std::vector<std::string> ids = open_tasks(tenant, customer, context);
    std::string told;
    if (!ids.empty()) {
      ordered_json value = who;
      value["more"] = ids.size() > kTold_max;
      if (ids.size() > kTold_max) ids.pop_back();
      value["tasks"] = issues_json(ids, tenant, context);
      told = value.dump();
    }
    context.emit(stage::Topic::customers, stage::Kind::customer, who.dump(), std::move(told));
  }
}

}  // namespace echoloop::casework

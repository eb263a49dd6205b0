#include "processors/casework/task_lists.h"

#include <limits>
#include <utility>
#include <vector>

#include "pipeline/base/bytes.h"
#include "processors/casework/case_book.h"

namespace echoloop::casework {
namespace {

constexpr std::size_t kTasks_per_epoch = 500;

void put_list(std::string& key, const TaskList& list) {
  put_key_text(key, list.department);
  put_key_text(key, list.state);
  put_key_text(key, list.kind);
  put_key_text(key, list.overdue ? "late" : "");
}

}  // namespace

std::string list_prefix(std::string_view tenant, const TaskList& list) {
  std::string key = tenant_key(tenant);
  put_list(key, list);
  return key;
}

std::string list_key(const state::Task& task) {
  std::string key = list_prefix(task.tenant(), {task.department(), task.state(), task.kind(), task.overdue()});
  put_key_time(key, std::numeric_limits<std::int64_t>::max() - task.opened_at());
  put_key_text(key, task.id());
  return key;
}

std::optional<Listed> parse_list_key(std::string_view key) {
  KeyReader reader{key};
  reader.skip_text();
  Listed out;
  out.list.department = reader.text();
  out.list.state = reader.text();
  out.list.kind = reader.text();
  out.list.overdue = !reader.text().empty();
  out.order = reader.rest();
  reader.time_ms();
  out.id = reader.text();
  return reader.ok() ? std::optional{std::move(out)} : std::nullopt;
}

void put_on_list(state::Task& task, const std::optional<state::Task>& before, stage::Context& context) {
  task.set_listed(true);
  std::string key = list_key(task);
  if (before && before->listed()) {
    const std::string former = list_key(*before);
    if (former == key) return;
    context.erase(stage::Table::task_lists, former);
  }
  context.put(stage::Table::task_lists, std::move(key), "");
}

void TaskLists::begin(stage::Context& context) {
  done_ = context.get(stage::Table::counters, kAll_listed).has_value();
  if (done_) return;
  context.scan(stage::Table::task_index, "", "", [&](std::string_view, std::string_view) {
    context.go_on();
    return false;
  });
}

void TaskLists::go_on(CaseBook& book, stage::Context& context) {
  if (done_) return;
  std::vector<std::pair<std::string, std::string>> some;  // tenant, id
  context.scan(stage::Table::task_index, from_, "", [&](std::string_view key, std::string_view) {
    if (some.size() == kTasks_per_epoch) {
      from_ = std::string(key);
      return false;
    }
    KeyReader reader{key};
    std::string tenant = reader.text();
    reader.time_ms();
    some.emplace_back(std::move(tenant), reader.text());
    return true;
  });
  for (const auto& [tenant, id] : some) book.bring_up_to_date(tenant, id, context);
  if (some.size() == kTasks_per_epoch) return context.go_on();
  done_ = true;
  std::string value;
  put_signed(value, 1);
  context.put(stage::Table::counters, kAll_listed, std::move(value));
}

}  // namespace echoloop::casework

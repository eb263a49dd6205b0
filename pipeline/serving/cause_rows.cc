#include "pipeline/serving/cause_rows.h"

#include <algorithm>
#include <map>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/case_book.h"

namespace echoloop::serving {

Result<std::optional<state::Cause>> find_cause(const std::string& tenant, const std::string& rule,
                                               const std::vector<std::string>& scope, const Sources& sources) {
  std::string key;
  put_key_text(key, tenant);
  put_key_text(key, rule);
  for (const std::string& value : scope) put_key_text(key, value);
  auto bytes = sources.rows->get(stage::Table::causes, shard_of_tenant(tenant, sources), key);
  if (!bytes) return tl::make_unexpected(bytes.error());
  if (!*bytes) return std::optional<state::Cause>{};
  state::Cause cause;
  if (!cause.ParseFromString(**bytes)) return broken_world("table causes", "a row that cannot be read");
  return std::optional<state::Cause>{std::move(cause)};
}

Result<std::vector<state::Cause::Window>> windows_of(const state::Task& task, const Sources& sources) {
  const std::vector<std::string> scope{task.scope().begin(), task.scope().end()};
  auto cause = find_cause(task.tenant(), task.rule(), scope, sources);
  if (!cause) return tl::make_unexpected(cause.error());
  std::vector<state::Cause::Window> out;
  if (!*cause) return out;
  int ordinal = (*cause)->ordinal();
  while (ordinal >= 0 && casework::cause_task_id(task.tenant(), task.rule(), scope, ordinal) != task.id()) --ordinal;
  for (const state::Cause::Window& window : (*cause)->windows()) {
    if (window.ordinal() == ordinal) out.push_back(window);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.start() < b.start(); });
  return out;
}

Result<std::vector<std::string>> evidence_of(const state::Task& task, const ThresholdRule& rule, std::int64_t window_ms,
                                             const Sources& sources) {
  const std::vector<std::string_view> scope{task.scope().begin(), task.scope().end()};
  const std::string window = aggregates::evidence_from(task.tenant(), task.rule(), scope, window_ms);
  const int shard =
      sources.shard_of(aggregates::cube_partition_key(task.tenant(), aggregates::set_name(rule.group_by)));
  // What epochs changed, in their order: the last word on a session counts.
  std::map<std::string, bool> present;
  auto scanned = sources.rows->scan(stage::Table::evidence, shard, window, prefix_end(window).value_or(""),
                                    [&](std::string_view key, std::string_view row) {
                                      if (row.empty()) {  // a row for each session, as echoloop 0.1 wrote them
                                        KeyReader reader{key.substr(window.size())};
                                        reader.u64();
                                        present.emplace(reader.text(), true);
                                        return true;
                                      }
                                      for (Reader reader{row}; reader.ok() && !reader.done();) {
                                        const bool here = reader.byte() != 0;
                                        const std::string session{reader.text()};
                                        if (reader.ok()) present.insert_or_assign(session, here);
                                      }
                                      return true;
                                    });
  if (!scanned) return tl::make_unexpected(scanned.error());
  std::vector<std::string> out;
  for (const auto& [session, here] : present) {
    if (here) out.push_back(session);
  }
  return out;
}

}  // namespace echoloop::serving

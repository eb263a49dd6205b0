#include "pipeline/serving/export.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/session_answer.h"
#include "processors/sessions/history.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

void write_sorted(std::vector<std::string>& lines, const WriteLine& write) {
  std::sort(lines.begin(), lines.end());
  for (const std::string& line : lines) write(line + "\n");
}

}  // namespace

Result<void> export_aggregates(const Sources& sources, const WriteLine& write) {
  std::vector<std::string> lines;
  bool good = true;
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned =
        sources.rows->scan(stage::Table::cube, shard, "", "", [&](std::string_view key, std::string_view value) {
          auto parsed = aggregates::parse_cube_key(key);
          aggregates::Measures measures;
          good = parsed && measures.parse(value);
          if (good && !measures.empty()) lines.push_back(aggregates::canonical_line(*parsed, measures));
          return good;
        });
    if (!scanned) return scanned;
    if (!good) return broken_world("table cube", "a row that cannot be read");
  }
  write_sorted(lines, write);
  return {};
}

Result<void> export_tasks(const Sources& sources, const std::optional<std::string>& tenant, const WriteLine& write) {
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned =
        sources.rows->scan(stage::Table::tasks, shard, "", "", [&](std::string_view, std::string_view value) {
          state::Task task;
          task.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if (!tenant || task.tenant() == *tenant) write(task_json(task).dump() + "\n");
          return true;
        });
    if (!scanned) return scanned;
  }
  return {};
}

Result<void> export_feedback(const Sources& sources, const std::optional<std::string>& tenant, const WriteLine& write) {
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned =
        sources.rows->scan(stage::Table::sessions, shard, "", "", [&](std::string_view key, std::string_view value) {
          KeyReader reader{key};
          std::string of = reader.text(), session_id = reader.text();
          state::Session row;
          row.ParseFromArray(value.data(), static_cast<int>(value.size()));
          if ((tenant && of != *tenant) || !row.has_close() || sessions::standing(row).empty()) return true;
          write(feedback_json(of, session_id, row).dump() + "\n");
          return true;
        });
    if (!scanned) return scanned;
  }
  return {};
}

}  // namespace echoloop::serving

#include "tests/stages/read_out.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/measures.h"
#include "pipeline/base/bytes.h"
#include "processors/casework/task_lists.h"

namespace echoloop::stages {

std::vector<std::pair<std::string, std::string>> rows_of(const stage::View& view, int shards, stage::Table table) {
  std::vector<std::pair<std::string, std::string>> out;
  for (int shard = 0; shard < shards; ++shard) {
    auto scanned = view.scan(table, shard, "", "", [&](std::string_view key, std::string_view value) {
      out.emplace_back(key, value);
      return true;
    });
    if (!scanned) throw std::runtime_error(scanned.error().text());
  }
  return out;
}

std::vector<std::string> aggregates_of(const stage::View& view, int shards) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : rows_of(view, shards, stage::Table::cube)) {
    auto cell = aggregates::parse_cube_key(key);
    aggregates::Measures measures;
    if (!cell || !measures.parse(value)) throw std::runtime_error("a row of the cube that cannot be read");
    lines.push_back(aggregates::canonical_line(*cell, measures));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<state::Task> tasks_of(const stage::View& view, int shards) {
  std::vector<state::Task> out;
  for (const auto& [key, value] : rows_of(view, shards, stage::Table::tasks)) {
    if (!out.emplace_back().ParseFromArray(value.data(), static_cast<int>(value.size())))
      throw std::runtime_error("a task that cannot be read");
  }
  const auto order = [](const state::Task& task) {
    return std::tuple(task.tenant(), task.rule(), std::vector<std::string>(task.scope().begin(), task.scope().end()),
                      task.session_id(), task.opened_at(), task.id());
  };
  std::sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  return out;
}

std::vector<std::string> live_tasks(const std::vector<state::Task>& tasks) {
  std::vector<std::string> out;
  for (const state::Task& task : tasks) {
    const std::vector<std::string> scope(task.scope().begin(), task.scope().end());
    const std::string cause =
        fmt::format("{} {} {} {}", task.tenant(), task.rule(), fmt::join(scope, "/"), task.session_id());
    if (task.kind() == "safety") {
      out.push_back(fmt::format("{}: withdrawn {}", cause, task.evidence_withdrawn()));
    } else if (task.kind() == "recovery") {
      if (!task.evidence_withdrawn()) out.push_back(cause);
    } else if (task.state() != "cancelled") {
      const std::vector<std::string> sample(task.sample().begin(), task.sample().end());
      out.push_back(fmt::format("{}: count {}, windows {} to {}, last {} of {}, sample {}", cause, task.count(),
                                task.first_window(), task.last_window(), task.numerator(), task.n(),
                                fmt::join(sample, " ")));
    }
  }
  return out;
}

std::map<std::string, std::int64_t> counters_of(const stage::View& view, int shards) {
  std::map<std::string, std::int64_t> out;
  for (const auto& [key, value] : rows_of(view, shards, stage::Table::counters)) {
    if (!key.ends_with("/now") && key != casework::kAll_listed) out[key] += Reader{value}.signed_varint();
  }
  return out;
}

}  // namespace echoloop::stages

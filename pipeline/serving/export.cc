#include "pipeline/serving/export.h"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/session_answer.h"
#include "processors/sessions/history.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

constexpr std::size_t kPiece_bytes = 64u << 10;

std::string tenant_prefix(const TenantChoice& tenant) {
  std::string out;
  if (tenant) put_key_text(out, *tenant);
  return out;
}
std::string tenant_end(const std::string& prefix) { return prefix.empty() ? "" : prefix_end(prefix).value_or(""); }

// The rows of a table, shard by shard, some at a time; `line` makes a line of one, or nothing.
class RowLines {
 public:
  using MakeLine = std::string (*)(std::string_view key, std::string_view value);

  RowLines(const Sources& sources, stage::Table table, const TenantChoice& tenant, MakeLine line)
      : frozen_(sources), table_(table), prefix_(tenant_prefix(tenant)), line_(line), from_(prefix_) {}

  Result<bool> operator()(std::string& out) {
    bool full = false;
    auto scanned = frozen_.sources.rows->scan(table_, shard_, from_, tenant_end(prefix_),
                                              [&](std::string_view key, std::string_view value) {
                                                out += line_(key, value);
                                                full = out.size() >= kPiece_bytes;
                                                if (full) from_ = std::string(key) + '\0';
                                                return !full;
                                              });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (full) return true;
    from_ = prefix_;
    return ++shard_ < frozen_.sources.shards;
  }

 private:
  Frozen frozen_;
  stage::Table table_;
  std::string prefix_;
  MakeLine line_;
  int shard_ = 0;
  std::string from_;
};

std::string task_line(std::string_view, std::string_view value) {
  state::Task task;
  task.ParseFromArray(value.data(), static_cast<int>(value.size()));
  return task_json(task).dump() + "\n";
}

std::string feedback_line(std::string_view key, std::string_view value) {
  KeyReader reader{key};
  std::string tenant = reader.text(), session_id = reader.text();
  Arena arena;
  state::Session row;
  if (!state::parse(value, arena, row) || !row.close || sessions::standing(row).empty()) return {};
  return feedback_json(tenant, session_id, row).dump() + "\n";
}

Result<std::vector<std::string>> sorted_aggregates(const Sources& sources, const TenantChoice& tenant) {
  std::vector<std::string> lines;
  std::string prefix = tenant_prefix(tenant);
  bool good = true;
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned = sources.rows->scan(stage::Table::cube, shard, prefix, tenant_end(prefix),
                                      [&](std::string_view key, std::string_view value) {
                                        auto parsed = aggregates::parse_cube_key(key);
                                        aggregates::Measures measures;
                                        good = parsed && measures.parse(value);
                                        if (good && !measures.empty())
                                          lines.push_back(aggregates::canonical_line(*parsed, measures));
                                        return good;
                                      });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (!good) return broken_world("table cube", "a row that cannot be read");
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

class AggregateLines {
 public:
  AggregateLines(const Sources& sources, TenantChoice tenant) : sources_(sources), tenant_(std::move(tenant)) {}

  Result<bool> operator()(std::string& out) {
    if (!lines_) {
      Frozen frozen{sources_};
      auto lines = sorted_aggregates(frozen.sources, tenant_);
      if (!lines) return tl::make_unexpected(lines.error());
      lines_ = std::move(*lines);
    }
    while (next_ < lines_->size() && out.size() < kPiece_bytes) {
      out += (*lines_)[next_] + "\n";
      (*lines_)[next_++] = {};  // what is sent need not be held
    }
    return next_ < lines_->size();
  }

 private:
  Sources sources_;
  TenantChoice tenant_;
  std::optional<std::vector<std::string>> lines_;
  std::size_t next_ = 0;
};

// std::function copies what it holds, and what it holds here is a place in a long walk.
template <class Lines>
http::Generator generator(std::shared_ptr<Lines> lines) {
  return [lines = std::move(lines)](std::string& out) { return (*lines)(out); };
}

}  // namespace

Frozen::Frozen(const Sources& live) : hold(live.snapshot ? live.snapshot() : nullptr), sources(live) {
  if (hold) sources.rows = hold.get();
}

http::Generator export_aggregates(const Sources& sources, const TenantChoice& tenant) {
  return generator(std::make_shared<AggregateLines>(sources, tenant));
}

http::Generator export_tasks(const Sources& sources, const TenantChoice& tenant) {
  return generator(std::make_shared<RowLines>(sources, stage::Table::tasks, tenant, task_line));
}

http::Generator export_feedback(const Sources& sources, const TenantChoice& tenant) {
  return generator(std::make_shared<RowLines>(sources, stage::Table::sessions, tenant, feedback_line));
}

}  // namespace echoloop::serving

#include "pipeline/serving/row_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/or_filters.h"
#include "processors/sessions/contribution.h"

namespace echoloop::serving {
namespace {

// Puts cells of a set, its dimensions in any order, where the query wants them.
class Placing {
 public:
  Placing(const MetricQuery& query, const std::vector<std::string>& set) : query_(query) {
    for (const std::string& name : query.group_by) places_.push_back(place_of(set, name));
    for (const auto& [name, values] : query.filters) filters_.emplace_back(place_of(set, name), &values);
  }

  bool in_time(std::int64_t bucket_ms) const {
    return (!query_.from || bucket_ms >= to_ms(*query_.from)) && (!query_.to || bucket_ms < to_ms(*query_.to));
  }

  template <class Values>
  std::optional<MetricKey> row(std::int64_t bucket_ms, const Values& values) const {
    for (const auto& [place, allowed] : filters_) {
      if (!allowed->contains(std::string(values[place]))) return std::nullopt;
    }
    MetricKey key;
    key.period = period_start(query_.zone, query_.interval, from_ms(bucket_ms));
    for (std::size_t place : places_) key.group.emplace_back(values[place]);
    return key;
  }

 private:
  static std::size_t place_of(const std::vector<std::string>& set, const std::string& name) {
    return static_cast<std::size_t>(std::find(set.begin(), set.end(), name) - set.begin());
  }

  const MetricQuery& query_;
  std::vector<std::size_t> places_;
  std::vector<std::pair<std::size_t, const std::set<std::string>*>> filters_;
};

std::string list_of_sets(const Domain& domain) {
  std::string out;
  for (const DimensionSet& set : domain.counting.back().sets)
    out += (out.empty() ? "(" : ", (") + aggregates::set_name(set) + ")";
  return out;
}

}  // namespace

tl::unexpected<Error> too_many_sessions(const std::vector<std::string>& dimensions, const Domain& domain) {
  return bad_input("group_by",
                   fmt::format("no dimension set keeps ({}) ready for these filters, and the tenant has more than {} "
                               "sessions to compute it from; stored sets: {}",
                               aggregates::set_name(dimensions), kComputedSessions_max, list_of_sets(domain)));
}

std::vector<std::string> needed_dimensions(const MetricQuery& query) {
  std::vector<std::string> out = query.group_by;
  for (const auto& [name, values] : query.filters) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

const DimensionSet* stored_set(const std::vector<std::string>& dimensions, const Domain& domain) {
  std::set<std::string> wanted(dimensions.begin(), dimensions.end());
  for (const DimensionSet& set : domain.counting.back().sets) {
    if (std::set<std::string>(set.begin(), set.end()) == wanted) return &set;
  }
  return nullptr;
}

Result<void> scan_cells(const MetricQuery& query, const DimensionSet& set, const Sources& sources, UseCell use) {
  std::string name = aggregates::set_name(set);
  const Placing placing{query, set};
  // Bucket starts of any query lie within years 1970 to 2200.
  std::string from = aggregates::cube_from(query.tenant, name, query.from ? to_ms(*query.from) : 0);
  std::string to = query.to ? aggregates::cube_from(query.tenant, name, to_ms(*query.to))
                            : prefix_end(aggregates::cube_partition_key(query.tenant, name)).value_or("");
  int shard = sources.shard_of(aggregates::cube_partition_key(query.tenant, name));
  bool good = true;
  auto scanned =
      sources.rows->scan(stage::Table::cube, shard, from, to, [&](std::string_view key, std::string_view value) {
        auto parsed = aggregates::parse_cube_key(key);
        aggregates::Measures measures;
        good = parsed && measures.parse(value);
        if (!good) return false;
        auto row = placing.row(parsed->bucket_ms, parsed->values);
        return !row || use(std::move(*row), measures);
      });
  if (!scanned) return scanned;
  if (!good) return broken_world("table cube", "a row that cannot be read");
  return {};
}

Result<bool> scan_sessions(const MetricQuery& query, const std::vector<std::string>& set, const Sources& sources,
                           FactsOf facts_of, UseSessionCell use) {
  const Placing placing{query, set};
  const sessions::SetPlan plan{set};
  std::string tenant;
  put_key_text(tenant, query.tenant);
  std::size_t seen = 0;
  bool going = true, readable = true;
  Arena arena;  // of the row under way
  const bool folds = may_overlap(query);
  const auto add = [&](std::string_view session_id, const state::Facts& facts) {
    sessions::contribute(
        facts, {&plan, 1}, [](std::string_view) { return 0; },
        [&](std::size_t, std::span<const sessions::Value> values, const sessions::Gained& gained) {
          std::vector<std::string_view> texts;
          for (const sessions::Value& one : values) texts.push_back(one.text);
          auto row = placing.row(facts.bucket, texts);
          if (row && going) going = use(session_id, std::move(*row), gained.measures);
        });
  };
  for (int shard = 0; shard < sources.shards && going; ++shard) {
    auto scanned = sources.rows->scan(stage::Table::sessions, shard, tenant, prefix_end(tenant).value_or(""),
                                      [&](std::string_view key, std::string_view value) {
                                        arena.reset();
                                        state::Session row;
                                        readable = state::parse(value, arena, row);
                                        if (row.counted && placing.in_time(row.facts.bucket)) {
                                          if (folds) fold(query, row.facts);
                                          add(KeyReader{key.substr(tenant.size())}.text(), facts_of(row));
                                        }
                                        return readable && ++seen <= kComputedSessions_max && going;
                                      });
    if (!scanned) return tl::make_unexpected(scanned.error());
    if (!readable) return broken_world("table sessions", "a row that cannot be read");
    if (seen > kComputedSessions_max) return false;
  }
  return true;
}

}  // namespace echoloop::serving

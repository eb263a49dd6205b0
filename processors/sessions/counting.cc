#include "processors/sessions/counting.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/metric.h"
#include "pipeline/base/bytes.h"
#include "processors/sessions/contribution.h"

namespace echoloop::sessions {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

std::string rules_key(std::uint64_t hash) {
  std::string key;
  put_key_u64(key, hash);
  return key;
}

// Sessions that count for the rule in a cell that one session fills: the numerator, or what is left of n for lower
// bounds.
bool is_evidence(const ThresholdRule& rule, const aggregates::MetricSpec& metric, const aggregates::Measures& gained) {
  aggregates::Ratio ratio = metric.ratio(gained);
  return (rule.below ? ratio.n - ratio.numerator : ratio.numerator) > 0;
}

bool watches(const ThresholdRule& rule, std::string_view tenant, std::span<const Value> values) {
  if (!rule.tenants.empty() && !rule.tenants.contains(std::string(tenant))) return false;
  // What is not known in any dimension is nobody's cause; INSIGHT evaluates no such scope.
  if (std::all_of(values.begin(), values.end(), [](const Value& value) { return value.text == "unknown"; }))
    return false;
  for (std::size_t i = 0; i < rule.group_by.size(); ++i) {
    auto limit = rule.where.find(rule.group_by[i]);
    if (limit != rule.where.end() && !limit->second.contains(std::string(values[i].text))) return false;
  }
  return true;
}

}  // namespace

void CountingBook::change(std::string_view tenant, std::string_view session_id, const state::Facts* before,
                          const state::Facts* after, const Counting& counting,
                          const std::shared_ptr<const Domain>& domain, stage::Context& context) {
  if (domain_ != domain) {
    domain_ = domain;
    windows_.clear();  // by rules of the one before
    for (auto& [hash, rules] : rules_) rules.make_ready(*domain_, packer_);
  }
  if (before != nullptr) add(tenant, session_id, *before, -1, rules_of(before->counting, context));
  if (after != nullptr) {
    keep_rules(counting, context);
    add(tenant, session_id, *after, 1, rules_of(counting.hash, context));
  }
  if (packer_.full()) flush(context);
}

void CountingBook::flush(stage::Context& context) {
  packer_.flush([&](std::string key, std::string record) {
    context.emit(stage::Topic::deltas, stage::Kind::delta, std::move(key), std::move(record));
  });
  windows_.clear();
}

void CountingBook::add(std::string_view tenant, std::string_view session_id, const state::Facts& facts, int sign,
                       const Rules& rules) {
  aggregates::DeltaPacker::Sheet& sheet = packer_.sheet(packer_.intern(tenant), facts.bucket);
  absl::InlinedVector<std::uint32_t, 4> numbers;
  gains_.clear();
  contribute(
      facts, rules.plans, [&](std::string_view text) { return packer_.intern(text); },
      [&](std::size_t set, std::span<const Value> values, const Gained& gained) {
        numbers.clear();
        for (const Value& value : values) numbers.push_back(value.id);
        if (gained.number >= gains_.size()) gains_.resize(gained.number + 1, kNone);
        std::uint32_t& gain = gains_[gained.number];
        if (gain == kNone) gain = packer_.gain(gained.measures);
        const std::uint32_t cell = packer_.add(sheet, rules.numbers[set], {numbers.data(), numbers.size()}, gain, sign);
        for (const Watcher& watcher : rules.watchers[set]) {
          if (!is_evidence(*watcher.rule, *watcher.metric, gained.measures)) continue;
          auto [window, fresh] = windows_.try_emplace({&watcher, cell}, kNone);
          if (fresh && watches(*watcher.rule, tenant, values))
            window->second = window_of(*watcher.rule, tenant, rules, set, values, facts.bucket);
          if (window->second != kNone) packer_.evidence(window->second, session_id, sign);
        }
      });
}

std::uint32_t CountingBook::window_of(const ThresholdRule& rule, std::string_view tenant, const Rules& rules,
                                      std::size_t set, std::span<const Value> values, std::int64_t bucket_ms) {
  std::vector<std::string_view> scope;
  for (const Value& value : values) scope.push_back(value.text);
  const std::int64_t start_ms = to_ms(period_start(rules.zone_of(tenant), rule.window, from_ms(bucket_ms)));
  return packer_.window(tenant, rules.numbers[set], aggregates::evidence_from(tenant, rule.id, scope, start_ms));
}

const TimeZone& CountingBook::Rules::zone_of(std::string_view tenant) const {
  static const TimeZone utc;
  auto found = zones.find(tenant);
  return found == zones.end() ? utc : found->second;
}

void CountingBook::Rules::make_ready(const Domain& domain, aggregates::DeltaPacker& packer) {
  plans = plans_of(sets);
  numbers.clear();
  watchers.assign(sets.size(), {});
  for (std::size_t i = 0; i < sets.size(); ++i) {
    numbers.push_back(packer.set_number(aggregates::set_name(sets[i])));
    for (const ThresholdRule& rule : domain.thresholds) {
      const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
      if (metric != nullptr && rule.group_by == sets[i]) watchers[i].push_back({&rule, metric});
    }
  }
}

const CountingBook::Rules& CountingBook::rules_of(std::uint64_t hash, stage::Context& context) {
  auto [found, fresh] = rules_.try_emplace(hash);
  Rules& rules = found->second;
  if (fresh) {
    read_rules(hash, rules, context);
    rules.make_ready(*domain_, packer_);
  }
  return rules;
}

void CountingBook::read_rules(std::uint64_t hash, Rules& rules, stage::Context& context) {
  auto row = context.get(stage::Table::counting, rules_key(hash));
  if (!row) return;
  Reader reader{*row};
  for (std::uint64_t sets = reader.varint(); sets > 0 && reader.ok(); --sets) {
    DimensionSet& set = rules.sets.emplace_back();
    for (std::uint64_t dimensions = reader.varint(); dimensions > 0 && reader.ok(); --dimensions)
      set.emplace_back(reader.text());
  }
  while (reader.ok() && !reader.done()) {
    std::string tenant{reader.text()};
    auto zone = TimeZone::open(reader.text());
    if (!reader.ok() || !zone) throw stage::BrokenWorld({Fault::world, "table counting", "a row that cannot be read"});
    rules.zones.emplace(std::move(tenant), std::move(*zone));
  }
}

void CountingBook::keep_rules(const Counting& counting, stage::Context& context) {
  if (!rules_of(counting.hash, context).sets.empty() || counting.sets.empty()) return;
  Rules& rules = rules_[counting.hash];
  rules.sets = counting.sets;
  std::string row;
  put_varint(row, counting.sets.size());
  for (const DimensionSet& set : counting.sets) {
    put_varint(row, set.size());
    for (const std::string& dimension : set) put_text(row, dimension);
  }
  for (const auto& [id, tenant] : domain_->tenants) {
    rules.zones.emplace(id, tenant.zone);
    put_text(row, id);
    put_text(row, tenant.zone.name());
  }
  rules.make_ready(*domain_, packer_);
  context.put(stage::Table::counting, rules_key(counting.hash), std::move(row));
}

}  // namespace echoloop::sessions

#include "processors/insight/insight.h"

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "pipeline/aggregates/cube.h"
#include "pipeline/aggregates/delta.h"
#include "pipeline/aggregates/row.h"
#include "pipeline/base/bytes.h"
#include "pipeline/base/hash.h"
#include "processors/insight/admission.h"
#include "processors/insight/evidence.h"
#include "processors/insight/evidence_ages.h"
#include "processors/insight/hot_rows.h"
#include "processors/insight/threshold.h"
#include "processors/insight/verdict.h"
#include "processors/insight/window_sums.h"

namespace echoloop::insight {
namespace {

// Rows of table findings beside windows (w) and tiers (t): tenant → the time zone its windows were evaluated by.
constexpr std::string_view kZoneRow = "z";
// And the number of the epoch that wrote evidence last.
constexpr std::string_view kNumberRow = "n";

class Insight final : public stage::Processor {
 public:
  explicit Insight(std::shared_ptr<const CurrentDomain> current) : current_(std::move(current)) {}

  void process(const stage::Record& record, stage::Context&) override {
    if (record.kind != stage::Kind::delta)
      throw stage::BrokenWorld({Fault::world, "topic deltas",
                                "a record that another version of echoloop left halfway: start that version once more "
                                "and stop it when its work is done"});
    const auto add_cell = [&](std::string_view cell, std::string_view row) {
      key_.assign(record.key).append(cell);
      auto [gained, fresh] = gained_.try_emplace(key_, row);
      if (!fresh && !aggregates::merge_rows(gained->second, row, gained->second)) throw unreadable();
    };
    const auto change_evidence = [this](std::string_view key, bool present) { evidence_.change(key, present); };
    last_offset_ = record.offset;
    taken_ = true;
    if (!aggregates::unpack(record.value, {add_cell, change_evidence})) throw unreadable();
  }

  // By the newest configuration, which is at least as new as the one that the deltas were made by.
  void end_epoch(stage::Context& context) override {
    take_domain(context);
    Cells cells;
    cells.reserve(gained_.size());
    for (const auto& [key, gained] : gained_) cells.emplace_back(key, gained);
    std::sort(cells.begin(), cells.end());
    fold(cells, context);
    const Beginnings before = beginnings(cells, context);
    for (const auto& [key, gained] : cells) rows_.prepare(key, context);
    for (const auto& [key, gained] : cells) merge(key, gained, context);
    for (const auto& [place, begin_ms] : before) mark_near_beginning(place, begin_ms, context);
    gained_.clear();
    folded_.clear();
    evidence_.for_each_changed([this](const aggregates::EvidenceWindow& window) { mark(window); });
    number_epoch(context);
    evidence_.end_epoch(number_, context);
    for (const auto& [window, scopes] : dirty_) evaluate(window, scopes, context);
    admission_.end_epoch(context);
    evidence_ages_.end_epoch(number_, domain_->session_retention, context);
    dirty_.clear();
    begun_.clear();
    marked_ = {};
    sums_.trim();
    rows_.end_epoch();
  }

 private:
  struct Window {
    std::string tenant;
    std::size_t rule;  // index in the domain of this epoch
    std::int64_t start_ms;
    friend auto operator<=>(const Window&, const Window&) = default;
  };

  using Cells = std::vector<std::pair<std::string_view, std::string_view>>;  // cube key, what the epoch added; by key

  static stage::BrokenWorld unreadable() {
    return stage::BrokenWorld({Fault::world, "table cube", "a row that cannot be read"});
  }

  // Cells of values beyond the bound are counted under `other`.
  void fold(Cells& cells, stage::Context& context) {
    std::erase_if(cells, [&](const auto& cell) {
      const auto& [key, gained] = cell;
      if (gained.empty()) return false;
      auto other = admission_.folded(key, *domain_, context);
      if (!other) return false;
      auto [sum, fresh] = folded_.try_emplace(std::move(*other), gained);
      if (!fresh && !aggregates::merge_rows(sum->second, gained, sum->second)) throw unreadable();
      return true;
    });
    if (folded_.empty()) return;
    for (const auto& [key, gained] : folded_) cells.emplace_back(key, gained);
    std::sort(cells.begin(), cells.end());
  }

  // What the epoch added to a cell, in its row and for rules.
  void merge(std::string_view key, std::string_view gained, stage::Context& context) {
    rows_.add(key, gained, context);
    if (rules_of_set_.empty()) return;
    if (!key.starts_with(place_) || place_.empty()) {  // cells of one (tenant, set) come in a row
      auto parsed = aggregates::parse_cube_key(key);
      if (!parsed) throw unreadable();
      place_ = aggregates::cube_partition_key(parsed->tenant, parsed->set);
      place_has_rules_ = rules_of_set_.contains(parsed->set);
    }
    if (!place_has_rules_) return;
    auto parsed = aggregates::parse_cube_key(key);
    aggregates::Measures measures;
    if (!parsed || !measures.parse(gained)) throw unreadable();
    sums_.add(*parsed, measures);
    mark(*parsed);
  }

  // Rises from epoch to epoch that took deltas, whatever their offsets do: the topic may have been made anew.
  void number_epoch(stage::Context& context) {
    if (!std::exchange(taken_, false)) return;
    if (number_ == 0) {
      const auto row = context.get(stage::Table::findings, kNumberRow);
      number_ = row ? Reader{*row}.varint() : static_cast<std::uint64_t>(last_offset_);  // as it was once numbered
    }
    std::string row;
    put_varint(row, ++number_);
    context.put(stage::Table::findings, std::string(kNumberRow), std::move(row));
  }

  void take_domain(stage::Context& context) {
    auto newest = current_->get();
    if (domain_ == newest) return;
    domain_ = std::move(newest);
    sums_.clear();  // windows may lie elsewhere now
    rules_of_set_.clear();
    place_.clear();
    for (std::size_t i = 0; i < domain_->thresholds.size(); ++i)
      rules_of_set_[aggregates::set_name(domain_->thresholds[i].group_by)].push_back(i);
    mark_moved(context);
    mark_tenants_moved(context);
  }

  // Notes the windows behind findings that begin nowhere any more: the tenant's time zone is another, or the rule's
  // window. What they said is then taken back.
  void mark_moved(stage::Context& context) {
    std::map<std::string, std::size_t> rules;
    for (std::size_t i = 0; i < domain_->thresholds.size(); ++i) rules[domain_->thresholds[i].id] = i;
    context.scan(stage::Table::findings, "w", "x", [&](std::string_view key, std::string_view) {
      KeyReader reader{key.substr(1)};
      Window window{reader.text(), 0, 0};
      auto rule = rules.find(reader.text());
      Scope scope(reader.u32());
      for (std::string& value : scope) value = reader.text();
      window.start_ms = reader.time_ms();
      if (!reader.ok() || rule == rules.end()) return true;
      window.rule = rule->second;
      if (!begins(window)) dirty_[window].insert(std::move(scope));
      return true;
    });
  }

  // All windows of tenants whose time zone is another than the one this shard has evaluated by. A tenant that nobody
  // configured has UTC.
  void mark_tenants_moved(stage::Context& context) {
    std::map<std::string, std::pair<std::string, std::string>> zones;  // tenant → known, configured
    context.scan(stage::Table::findings, kZoneRow, prefix_end(kZoneRow).value_or(""),
                 [&](std::string_view key, std::string_view zone) {
                   zones.emplace(key.substr(kZoneRow.size()), std::pair{std::string(zone), "UTC"});
                   return true;
                 });
    for (const auto& [id, tenant] : domain_->tenants)
      zones.try_emplace(id, "UTC", "UTC").first->second.second = tenant.zone.name();
    for (const auto& [tenant, zone] : zones) {
      if (zone.first == zone.second) continue;
      context.put(stage::Table::findings, std::string(kZoneRow) + tenant, zone.second);
      for (const auto& [set, rules] : rules_of_set_) {
        std::string from = aggregates::cube_partition_key(tenant, set);
        context.scan(stage::Table::cube, from, prefix_end(from).value_or(""),
                     [&](std::string_view key, std::string_view) {
                       if (auto parsed = aggregates::parse_cube_key(key)) mark(*parsed);
                       return true;
                     });
      }
    }
  }

  using Place = std::pair<std::string, std::string>;                // tenant, set
  using Beginnings = std::map<Place, std::optional<std::int64_t>>;  // first bucket, where there is a row

  static std::optional<std::int64_t> beginning(const Place& place, stage::Context& context) {
    std::optional<std::int64_t> out;
    std::string from = aggregates::cube_partition_key(place.first, place.second);
    context.scan(stage::Table::cube, from, prefix_end(from).value_or(""), [&](std::string_view key, std::string_view) {
      if (auto parsed = aggregates::parse_cube_key(key)) out = parsed->bucket_ms;
      return false;
    });
    return out;
  }

  // Of every set among these cells that a rule compares with its usual level.
  Beginnings beginnings(const Cells& cells, stage::Context& context) const {
    Beginnings out;
    std::string_view last;
    for (const auto& [key, gained] : cells) {
      if (!last.empty() && key.starts_with(last)) continue;
      auto parsed = aggregates::parse_cube_key(key);
      if (!parsed) continue;
      last = key.substr(0, aggregates::cube_partition_key(parsed->tenant, parsed->set).size());
      auto rules = rules_of_set_.find(parsed->set);
      if (rules == rules_of_set_.end()) continue;
      if (std::none_of(rules->second.begin(), rules->second.end(),
                       [&](std::size_t i) { return domain_->thresholds[i].usual_periods.has_value(); }))
        continue;
      Place place{parsed->tenant, parsed->set};
      out.emplace(place, beginning(place, context));
    }
    return out;
  }

  // When the data of a set begins earlier or later than before, windows near by have another usual level, or now have
  // one, or have none any more.
  void mark_near_beginning(const Place& place, std::optional<std::int64_t> before_ms, stage::Context& context) {
    const std::optional<std::int64_t> now_ms = beginning(place, context);
    if (!before_ms || !now_ms || *before_ms == *now_ms) return;
    const auto [first, last] = std::minmax(*before_ms, *now_ms);
    const TimeZone& zone = domain_->zone_of(place.first);
    std::int64_t end = last;
    for (std::size_t i : rules_of_set_.at(place.second)) {
      const ThresholdRule& rule = domain_->thresholds[i];
      for (Time later : later_windows(rule, zone, period_start(zone, rule.window, from_ms(last))))
        end = std::max(end, to_ms(period_end(zone, rule.window, later)));
    }
    context.scan(stage::Table::cube, aggregates::cube_from(place.first, place.second, first),
                 aggregates::cube_from(place.first, place.second, end), [&](std::string_view key, std::string_view) {
                   if (auto parsed = aggregates::parse_cube_key(key)) mark(*parsed);
                   return true;
                 });
  }

  bool begins(const Window& window) const {
    const Time start = from_ms(window.start_ms);
    return period_start(domain_->zone_of(window.tenant), domain_->thresholds[window.rule].window, start) == start;
  }

  // Notes the windows of rules that this cell belongs to.
  void mark(const aggregates::CubeKey& key) {
    if (marked_.tenant != key.tenant || marked_.set != key.set || marked_.bucket_ms != key.bucket_ms) find_windows(key);
    for (auto& [rule, windows] : marked_.windows) {
      if (!watches(*rule, key.tenant, key.values)) continue;
      for (std::set<Scope>* scopes : windows) scopes->insert(key.values);
    }
  }

  void find_windows(const aggregates::CubeKey& key) {
    marked_ = {key.tenant, key.set, key.bucket_ms, {}};
    auto rules = rules_of_set_.find(key.set);
    if (rules == rules_of_set_.end()) return;
    const TimeZone& zone = domain_->zone_of(key.tenant);
    for (std::size_t i : rules->second) {
      const ThresholdRule& rule = domain_->thresholds[i];
      Time start = period_start(zone, rule.window, from_ms(key.bucket_ms));
      std::vector<std::set<Scope>*> windows{&dirty_[{key.tenant, i, to_ms(start)}]};
      for (Time later : later_windows(rule, zone, start)) windows.push_back(&dirty_[{key.tenant, i, to_ms(later)}]);
      marked_.windows.emplace_back(&rule, std::move(windows));
    }
  }

  // Other sessions may stand behind the same numbers.
  void mark(const aggregates::EvidenceWindow& key) {
    for (std::size_t i = 0; i < domain_->thresholds.size(); ++i) {
      const ThresholdRule& rule = domain_->thresholds[i];
      if (rule.id == key.rule && rule.group_by.size() == key.scope.size() && watches(rule, key.tenant, key.scope))
        dirty_[{key.tenant, i, key.window_ms}].insert(key.scope);
    }
  }

  const WindowSums::Sums& sum(const Window& window, Time start, stage::Context& context) {
    const ThresholdRule& rule = domain_->thresholds[window.rule];
    Time end = period_end(domain_->zone_of(window.tenant), rule.window, start);
    return sums_.of(window.tenant, aggregates::set_name(rule.group_by), to_ms(start), to_ms(end), context);
  }

  // Whether the data of the rule's set reaches back to this window: what lies before it is not known, not zero.
  bool has_begun(const Window& window, Time start, stage::Context& context) {
    const ThresholdRule& rule = domain_->thresholds[window.rule];
    Place place{window.tenant, aggregates::set_name(rule.group_by)};
    auto [known, fresh] = begun_.try_emplace(place);
    if (fresh) known->second = beginning(place, context);
    const TimeZone& zone = domain_->zone_of(window.tenant);
    return known->second && start >= period_start(zone, rule.window, from_ms(*known->second));
  }

  void evaluate(const Window& window, const std::set<Scope>& scopes, stage::Context& context) {
    const ThresholdRule& rule = domain_->thresholds[window.rule];
    const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
    if (metric == nullptr) return;
    const TimeZone& zone = domain_->zone_of(window.tenant);
    if (!begins(window)) {
      for (const Scope& scope : scopes)
        conclude({window.tenant, rule, zone, window.start_ms, scope}, {}, evidence_, context);
      return;
    }
    if (scopes.empty()) return;
    const WindowSums::Sums& sums = sum(window, from_ms(window.start_ms), context);
    std::vector<const WindowSums::Sums*> usual;
    const std::vector<Time> earlier_starts = earlier_windows(rule, zone, from_ms(window.start_ms));
    if (!earlier_starts.empty() && has_begun(window, earlier_starts.back(), context)) {
      for (Time earlier : earlier_starts) usual.push_back(&sum(window, earlier, context));
    }
    for (const Scope& scope : scopes) {
      if (is_mixed(window.tenant, rule, scope, context)) continue;
      Observation seen;
      if (auto found = sums.find(scope); found != sums.end()) seen.now = metric->ratio(found->second);
      for (const WindowSums::Sums* earlier : usual) {
        auto found = earlier->find(scope);
        if (found == earlier->end()) continue;
        aggregates::Ratio ratio = metric->ratio(found->second);
        seen.usual.numerator += ratio.numerator;
        seen.usual.n += ratio.n;
        ++seen.usual_windows_found;
      }
      conclude({window.tenant, rule, zone, window.start_ms, scope}, seen, evidence_, context);
    }
  }

  // What many values have in common is nobody's cause.
  bool is_mixed(const std::string& tenant, const ThresholdRule& rule, const Scope& scope, stage::Context& context) {
    for (std::size_t i = 0; i < scope.size(); ++i) {
      if (scope[i] == aggregates::kOther &&
          admission_.is_mixed(tenant, aggregates::set_name(rule.group_by), i, context))
        return true;
    }
    return false;
  }

  // Where the windows of the last cell seen are noted: cells come sorted, many of one bucket in a row.
  struct Marked {
    std::string tenant, set;
    std::int64_t bucket_ms = 0;
    std::vector<std::pair<const ThresholdRule*, std::vector<std::set<Scope>*>>> windows;
  };

  std::shared_ptr<const CurrentDomain> current_;
  std::shared_ptr<const Domain> domain_;                                             // of the last epoch
  std::map<std::string, std::vector<std::size_t>> rules_of_set_;                     // indices of thresholds
  absl::flat_hash_map<std::string, std::string, TextHash, std::equal_to<>> gained_;  // cube key → row to add
  std::map<std::string, std::string> folded_;  // the same of cells that stand for others
  HotRows rows_;
  Admission admission_;
  Evidence evidence_;
  EvidenceAges evidence_ages_;
  std::int64_t last_offset_ = 0;  // of the deltas taken
  bool taken_ = false;            // some in this epoch
  std::uint64_t number_ = 0;      // of the last epoch that took some; 0: none since a restart
  std::map<Window, std::set<Scope>> dirty_;
  Marked marked_;
  Beginnings begun_;  // of the epoch that ends
  WindowSums sums_;
  std::string key_;  // of the cell under way
  // (tenant, set) of the cell before, and whether rules look at it.
  std::string place_;
  bool place_has_rules_ = false;
};

}  // namespace

stage::StageSpec insight_stage(std::shared_ptr<const CurrentDomain> domain) {
  return {"insight", {stage::Topic::deltas}, [domain](int) { return std::make_unique<Insight>(domain); }};
}

}  // namespace echoloop::insight

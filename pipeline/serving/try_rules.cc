#include "pipeline/serving/try_rules.h"

#include <algorithm>
#include <map>

#include "pipeline/aggregates/cube.h"
#include "pipeline/base/arena.h"
#include "pipeline/base/bytes.h"
#include "pipeline/serving/metric_query.h"
#include "pipeline/serving/verify.h"
#include "processors/casework/case_book.h"
#include "processors/casework/lifecycle.h"
#include "processors/insight/threshold.h"
#include "processors/sessions/recoveries.h"
#include "processors/sessions/red_lines.h"
#include "schemas/session.h"

namespace echoloop::serving {
namespace {

using Scope = std::vector<std::string>;

struct Span {
  Time from = Time::min(), to = Time::max();
  bool holds(Time at) const { return from <= at && at < to; }
};

Result<Span> read_span(const TrySpan& asked, const TimeZone& zone) {
  http::Query query;
  if (!asked.from.empty()) query.add("from", {asked.from});
  if (!asked.to.empty()) query.add("to", {asked.to});
  auto period = period_parameters(query, zone);
  if (!period) return tl::make_unexpected(period.error());
  return Span{period->from.value_or(Time::min()), period->to.value_or(Time::max())};
}

// All that a task says before anybody has touched it.
state::Task opened(const std::string& kind, const std::string& tenant, const std::string& rule, int version,
                   const Bilingual& title, Severity severity, RoutingProperties properties, const Domain& domain,
                   Time now) {
  state::Task task;
  task.set_tenant(tenant);
  task.set_kind(kind);
  task.set_state(std::string(casework::task_state::kOpened));
  task.set_rule(rule);
  task.set_rule_version(version);
  task.set_title_zh(title.zh);
  task.set_title_en(title.en);
  task.set_severity(static_cast<int>(severity));
  task.set_opened_at(to_ms(now));
  task.set_updated_at(to_ms(now));
  casework::complete(properties, kind, rule, severity, domain);
  Domain::Routed routed = domain.route(properties, now);
  task.set_routing_version(routed.version);
  for (const std::string& department : routed.departments) task.add_departments(department);
  task.set_department(routed.departments.front());
  return task;
}

class Thresholds {
 public:
  Thresholds(const std::string& tenant, const Span& span, const Sources& sources, const Domain& domain, Time now,
             const std::function<void(const state::Task&)>& use)
      : tenant_(tenant),
        span_(span),
        sources_(sources),
        domain_(domain),
        now_(now),
        use_(use),
        zone_(domain.zone_of(tenant)) {}

  Result<void> try_one(const ThresholdRule& rule) {
    const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
    if (metric == nullptr) return {};
    MetricQuery query;
    query.metric = metric;
    query.tenant = tenant_;
    query.zone = zone_;
    query.interval = rule.window;
    query.group_by = rule.group_by;
    std::map<Scope, std::map<Time, aggregates::Ratio>> windows;
    std::optional<Time> first;
    {
      auto rows = collect(query, sources_, domain_);
      if (!rows) return tl::make_unexpected(rows.error());
      for (const auto& [key, measures] : *rows) {
        if (!first || key.period < *first) first = key.period;
        const bool other = std::find(key.group.begin(), key.group.end(), aggregates::kOther) != key.group.end();
        if (!other && insight::watches(rule, tenant_, key.group))
          windows[key.group][key.period] = metric->ratio(measures);
      }
    }
    days_.reset();
    for (const auto& [scope, of_scope] : windows) {
      if (auto done = try_scope(rule, scope, of_scope, *first); !done) return done;
    }
    return {};
  }

 private:
  insight::Observation seen_in(const ThresholdRule& rule, Time start, const std::map<Time, aggregates::Ratio>& windows,
                               Time first) const {
    insight::Observation seen;
    seen.now = windows.at(start);
    const std::vector<Time> earlier = insight::earlier_windows(rule, zone_, start);
    if (earlier.empty() || earlier.back() < first) return seen;
    for (Time one : earlier) {
      auto found = windows.find(one);
      if (found == windows.end()) continue;
      seen.usual.numerator += found->second.numerator;
      seen.usual.n += found->second.n;
      ++seen.usual_windows_found;
    }
    return seen;
  }

  Result<void> try_scope(const ThresholdRule& rule, const Scope& scope,
                         const std::map<Time, aggregates::Ratio>& windows, Time first) {
    state::Task task;
    std::int64_t count = 0;
    int tier = 0;
    for (const auto& [start, ratio] : windows) {
      if (!span_.holds(start)) continue;
      const insight::Observation seen = seen_in(rule, start, windows, first);
      const int level = insight::level_of(rule, seen);
      if (level == 0) continue;
      if (count == 0 && tier == 0) task.set_first_window(to_ms(start));
      tier = std::max(tier, level);
      count += insight::evidence_of(rule, ratio);
      task.set_last_window(to_ms(start));
      task.set_numerator(ratio.numerator);
      task.set_n(ratio.n);
    }
    if (tier == 0) return {};
    RoutingProperties properties;
    for (std::size_t i = 0; i < rule.group_by.size(); ++i)
      properties.emplace(casework::asked_as(rule.group_by[i]), scope[i]);
    Severity severity = Severity::low;
    for (int i = 0; i < tier; ++i) severity = std::max(severity, rule.tiers[static_cast<std::size_t>(i)].severity);
    task.MergeFrom(opened("improvement", tenant_, rule.id, rule.version,
                          casework::filled_title(rule.title, rule.group_by, scope, domain_), severity,
                          std::move(properties), domain_, now_));
    task.set_id(casework::cause_task_id(tenant_, rule.id, scope, 0));
    for (const std::string& dimension : rule.group_by) task.add_dimensions(dimension);
    for (const std::string& value : scope) task.add_scope(value);
    task.set_count(count);
    task.set_tier(tier);
    if (auto done = see_how_it_went_on(rule, task); !done) return done;
    use_(task);
    return {};
  }

  // The weeks after the last window against those before the first.
  Result<void> see_how_it_went_on(const ThresholdRule& rule, state::Task& task) {
    const auto weeks = [&](std::int64_t day, int n) { return to_ms(zone_.day_start(day + std::int64_t{n} * 7)); };
    const std::int64_t begin = zone_.local_day(from_ms(task.first_window()));
    const std::int64_t end = zone_.local_day(period_end(zone_, rule.window, from_ms(task.last_window())));
    state::Verification& verification = *task.mutable_verification();
    verification.set_before_from(weeks(begin, -rule.verify.weeks_before));
    verification.set_before_to(weeks(begin, 0));
    verification.set_after_from(weeks(end, 0));
    verification.set_after_to(weeks(end, rule.verify.weeks_after));
    if (!days_) {
      auto days = read_days(rule, tenant_, sources_, domain_);
      if (!days) return tl::make_unexpected(days.error());
      days_ = std::move(*days);
    }
    auto verdict = verify(task, sources_, domain_, &*days_);
    if (!verdict) return tl::make_unexpected(verdict.error());
    *task.mutable_verification() = std::move(*verdict);
    return {};
  }

  const std::string& tenant_;
  const Span& span_;
  const Sources& sources_;
  const Domain& domain_;
  const Time now_;
  const std::function<void(const state::Task&)>& use_;
  const TimeZone& zone_;
  std::optional<RuleDays> days_;  // of the rule that is tried
};

Result<void> try_recoveries(const std::string& tenant, const Span& span, const Sources& sources, const Domain& domain,
                            Time now, const std::function<void(const state::Task&)>& use) {
  const std::string prefix = casework::tenant_key(tenant);
  Arena arena;
  bool readable = true;
  for (int shard = 0; shard < sources.shards; ++shard) {
    auto scanned = sources.rows->scan(stage::Table::sessions, shard, prefix, prefix_end(prefix).value_or(""),
                                      [&](std::string_view key, std::string_view value) {
                                        arena.reset();
                                        state::Session row;
                                        readable = state::parse(value, arena, row);
                                        if (!readable || !row.counted || !span.holds(from_ms(row.facts.bucket)))
                                          return readable;
                                        const std::string session = KeyReader{key.substr(prefix.size())}.text();
                                        for (const RecoveryRule& rule : domain.recoveries) {
                                          if (!sessions::recovery_holds(rule, tenant, row.facts)) continue;
                                          const auto known = sessions::routing_properties(row);
                                          RoutingProperties properties{known.begin(), known.end()};
                                          for (state::Text tag : row.facts.tags)
                                            properties.emplace("tag", std::string(tag));
                                          state::Task task =
                                              opened("recovery", tenant, rule.id, rule.version, rule.title,
                                                     rule.severity, std::move(properties), domain, now);
                                          task.set_id(casework::session_task_id(tenant, rule.id, session));
                                          task.set_session_id(session);
                                          task.set_count(1);
                                          task.add_sample(session);
                                          use(task);
                                        }
                                        return true;
                                      });
    if (!scanned) return scanned;
    if (!readable) return broken_world("table sessions", "a row that cannot be read");
  }
  return {};
}

}  // namespace

Result<void> try_rules(const TrySpan& asked, const Sources& sources, const Domain& domain, Time now,
                       const std::function<void(const state::Task&)>& use) {
  std::vector<std::string> tenants;
  if (asked.tenant) {
    tenants = {*asked.tenant};
  } else {
    auto all = sources.tenants_in(stage::Table::cube);
    if (!all) return tl::make_unexpected(all.error());
    tenants = std::move(*all);
  }
  for (const std::string& tenant : tenants) {
    auto span = read_span(asked, domain.zone_of(tenant));
    if (!span) return tl::make_unexpected(span.error());
    Thresholds thresholds{tenant, *span, sources, domain, now, use};
    for (const ThresholdRule& rule : domain.thresholds) {
      if (auto tried = thresholds.try_one(rule); !tried) return tried;
    }
    if (auto tried = try_recoveries(tenant, *span, sources, domain, now, use); !tried) return tried;
  }
  return {};
}

}  // namespace echoloop::serving

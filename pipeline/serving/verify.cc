#include "pipeline/serving/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "pipeline/aggregates/cube.h"
#include "pipeline/serving/cause_rows.h"
#include "pipeline/serving/metric_query.h"
#include "pipeline/serving/outside.h"
#include "pipeline/serving/task_rows.h"
#include "pipeline/statistics/difference.h"
#include "processors/casework/case_book.h"
#include "processors/casework/verification.h"

namespace echoloop::serving {
namespace {

using statistics::BeforeAfter;
using statistics::Proportion;
using Scope = std::vector<std::string>;
using Series = std::map<Scope, BeforeAfter>;

constexpr int kWeeks_min = 3;  // with answers, on each side
constexpr int kShown_max = 10;
constexpr int kEarlier_max = 10;  // of another cause, the newest
// |t| of the difference's slope before, above which another scope moved otherwise: 95 % of Student's t with the four
// degrees of freedom of six weeks.
constexpr double kSlope_max = 2.776;

const ThresholdRule* rule_of(const state::Task& task, const Domain& domain) {
  auto found = std::find_if(domain.thresholds.begin(), domain.thresholds.end(),
                            [&](const ThresholdRule& rule) { return rule.id == task.rule(); });
  return found == domain.thresholds.end() ? nullptr : &*found;
}

Result<RuleDays::Ratios> read_ratios(const MetricQuery& query, const Sources& sources, const Domain& domain) {
  auto rows = collect(query, sources, domain);
  if (!rows) return tl::make_unexpected(rows.error());
  RuleDays::Ratios out;
  for (const auto& [key, measures] : *rows) out.emplace_hint(out.end(), key, query.metric->ratio(measures));
  return out;
}

// One side of every scope, week by week from `query.from` on. `days`: of all time; null: they are read.
Result<void> read_side(const MetricQuery& query, std::vector<Proportion> BeforeAfter::*side,
                       const RuleDays::Ratios* days, const Sources& sources, const Domain& domain, Series& out) {
  RuleDays::Ratios read;
  if (days == nullptr) {
    auto ratios = read_ratios(query, sources, domain);
    if (!ratios) return tl::make_unexpected(ratios.error());
    read = std::move(*ratios);
    days = &read;
  }
  const std::int64_t first = query.zone.local_day(*query.from);
  const auto weeks = static_cast<std::size_t>((query.zone.local_day(*query.to) - first) / casework::kWeek_days);
  for (auto day = days->lower_bound({*query.from, {}}); day != days->end() && day->first.period < *query.to; ++day) {
    const auto& [key, ratio] = *day;
    std::vector<Proportion>& series = out[key.group].*side;
    series.resize(weeks);
    const auto week = static_cast<std::size_t>((query.zone.local_day(key.period) - first) / casework::kWeek_days);
    if (week >= weeks) continue;
    series[week].x += ratio.numerator;
    series[week].n += ratio.n;
  }
  return {};
}

Result<Series> read_weeks(MetricQuery query, const state::Verification& asked, const RuleDays::Ratios* days,
                          const Sources& sources, const Domain& domain) {
  Series out;
  query.from = from_ms(asked.before_from());
  query.to = from_ms(asked.before_to());
  if (auto read = read_side(query, &BeforeAfter::before, days, sources, domain, out); !read)
    return tl::make_unexpected(read.error());
  query.from = from_ms(asked.after_from());
  query.to = from_ms(asked.after_to());
  if (auto read = read_side(query, &BeforeAfter::after, days, sources, domain, out); !read)
    return tl::make_unexpected(read.error());
  return out;
}

MetricQuery query_of(const ThresholdRule& rule, const aggregates::MetricSpec& metric, const std::string& tenant,
                     const Domain& domain) {
  MetricQuery query;
  query.metric = &metric;
  query.tenant = tenant;
  query.zone = domain.zone_of(tenant);
  query.interval = Interval::day;
  query.group_by = rule.group_by;
  return query;
}

void share_of(std::vector<Proportion>& series, const std::vector<Proportion>& totals) {
  series.resize(std::max(series.size(), totals.size()));
  for (std::size_t week = 0; week < series.size(); ++week)
    series[week].n = week < totals.size() ? std::max(totals[week].n, series[week].x) : series[week].x;
}

// Counts become shares of the tenant's count of the same week.
Result<void> make_shares(MetricQuery query, const state::Verification& asked, const RuleDays::Ratios* days,
                         const Sources& sources, const Domain& domain, Series& series) {
  query.group_by.clear();
  auto totals = read_weeks(query, asked, days, sources, domain);
  if (!totals) return tl::make_unexpected(totals.error());
  const BeforeAfter& all = (*totals)[{}];
  for (auto& [scope, weeks] : series) {
    share_of(weeks.before, all.before);
    share_of(weeks.after, all.after);
  }
  return {};
}

bool lies_within(const std::string& path, const std::string& other) {
  return path == other || (path.starts_with(other) && path[other.size()] == '/');
}

// Whether the scopes hold sessions of each other, or the other one stands for no cause.
bool is_related(const ThresholdRule& rule, const Scope& scope, const Scope& other) {
  if (scope == other) return true;
  bool nested = true, unknown = true;
  for (std::size_t i = 0; i < rule.group_by.size() && i < other.size(); ++i) {
    if (other[i] == aggregates::kOther) return true;
    unknown = unknown && other[i] == "unknown";
    const bool path = rule.group_by[i] == "category";
    nested =
        nested && (path ? lies_within(other[i], scope[i]) || lies_within(scope[i], other[i]) : other[i] == scope[i]);
  }
  return nested || unknown;
}

bool shares_category(const ThresholdRule& rule, const Scope& scope, const Scope& other) {
  for (std::size_t i = 0; i < rule.group_by.size(); ++i) {
    if (rule.group_by[i] == "category" || rule.group_by[i] == "category1") return scope[i] == other[i];
  }
  return false;
}

void add(std::vector<Proportion>& sum, const std::vector<Proportion>& more) {
  sum.resize(std::max(sum.size(), more.size()));
  for (std::size_t i = 0; i < more.size(); ++i) {
    sum[i].x += more[i].x;
    sum[i].n += more[i].n;
  }
}

state::Verification::Part part_of(const std::vector<Proportion>& weeks) {
  state::Verification::Part out;
  for (const Proportion& week : weeks) {
    out.set_numerator(out.numerator() + week.x);
    out.set_n(out.n() + week.n);
    if (week.n > 0) out.set_weeks(out.weeks() + 1);
  }
  return out;
}

bool is_enough(const std::vector<Proportion>& weeks, std::int64_t minimum_n) {
  const state::Verification::Part part = part_of(weeks);
  return part.n() >= minimum_n && part.weeks() >= kWeeks_min;
}

// Whether somebody's work on the scope became effective in the weeks that are compared: what it changed says nothing of
// the times.
Result<bool> was_worked_on(const state::Task& task, const Scope& other, const Sources& sources) {
  auto cause = find_cause(task.tenant(), task.rule(), other, sources);
  if (!cause) return tl::make_unexpected(cause.error());
  if (!*cause) return false;
  const state::Verification& weeks = task.verification();
  for (int ordinal = (*cause)->ordinal(), n = 0; ordinal >= 0 && n < kEarlier_max; --ordinal, ++n) {
    auto found = find_task(task.tenant(), casework::cause_task_id(task.tenant(), task.rule(), other, ordinal), sources);
    if (!found) return tl::make_unexpected(found.error());
    if (!*found) continue;
    const std::int64_t at = (*found)->action_effective_from();
    if (at >= weeks.before_from() && at < weeks.after_to()) return true;
  }
  return false;
}

// Elsewhere in the tenant: the same category in other groups where there is enough of it, else whatever has a parallel
// past; where nobody worked on it.
Result<BeforeAfter> comparison(const state::Task& task, const ThresholdRule& rule, const Scope& scope,
                               const Series& series, const Sources& sources, state::Verification& out) {
  const BeforeAfter& own = series.at(scope);
  for (const bool same_category : {true, false}) {
    BeforeAfter sum;
    std::vector<std::string> names;
    for (const auto& [other, weeks] : series) {
      if (is_related(rule, scope, other) || (same_category && !shares_category(rule, scope, other))) continue;
      const auto t = statistics::slope_t(own.before, weeks.before);
      if (t && std::abs(*t) > kSlope_max) continue;
      auto worked_on = was_worked_on(task, other, sources);
      if (!worked_on) return tl::make_unexpected(worked_on.error());
      if (*worked_on) continue;
      add(sum.before, weeks.before);
      add(sum.after, weeks.after);
      names.push_back(fmt::format("{}", fmt::join(other, " × ")));
    }
    if (same_category &&
        (!is_enough(sum.before, rule.verify.minimum_n) || !is_enough(sum.after, rule.verify.minimum_n)))
      continue;
    out.set_comparison_scopes(static_cast<int>(names.size()));
    if (names.size() > kShown_max) names.resize(kShown_max);
    for (std::string& name : names) out.add_comparison(std::move(name));
    return sum;
  }
  return BeforeAfter{};
}

void say(state::Verification& out, const char* verdict, std::string why = {}) {
  out.set_verdict(verdict);
  out.set_why(std::move(why));
}

void judge(const BeforeAfter& own, const BeforeAfter& other, state::Verification& out) {
  *out.mutable_before() = part_of(own.before);
  *out.mutable_after() = part_of(own.after);
  *out.mutable_other_before() = part_of(other.before);
  *out.mutable_other_after() = part_of(other.after);
  for (const auto& [name, weeks] : {std::pair{"before", &own.before}, {"after", &own.after}}) {
    if (!is_enough(*weeks, out.minimum_n()))
      return say(out, "not_enough_data",
                 fmt::format("fewer than {} answers or {} weeks {}", out.minimum_n(), kWeeks_min, name));
  }
  if (!is_enough(other.before, out.minimum_n()) || !is_enough(other.after, out.minimum_n()))
    return say(out, "not_enough_data",
               "nothing to compare with: no other scope of the rule has enough answers, a parallel past and no "
               "work of its own");
  const auto seen = statistics::difference_in_differences(own, other, statistics::kUsual_level);
  if (!seen) return say(out, "not_enough_data", "too few weeks");
  out.set_has_effect(true);
  out.set_effect(seen->effect);
  out.set_low(seen->interval.low);
  out.set_high(seen->interval.high);
  out.set_overdispersion(seen->overdispersion);
  out.set_degrees(seen->degrees);
  const bool fell = seen->interval.high<0, rose = seen->interval.low> 0;
  say(out, (out.below() ? rose : fell) ? "improved" : (out.below() ? fell : rose) ? "worse" : "no_evidence");
}

}  // namespace

Result<RuleDays> read_days(const ThresholdRule& rule, const std::string& tenant, const Sources& sources,
                           const Domain& domain) {
  RuleDays out;
  const aggregates::MetricSpec* metric = aggregates::find_metric(rule.metric);
  if (metric == nullptr) return out;
  MetricQuery query = query_of(rule, *metric, tenant, domain);
  auto scopes = read_ratios(query, sources, domain);
  if (!scopes) return tl::make_unexpected(scopes.error());
  out.scopes = std::move(*scopes);
  if (metric->shape != aggregates::MetricShape::count) return out;
  query.group_by.clear();
  auto all = read_ratios(query, sources, domain);
  if (!all) return tl::make_unexpected(all.error());
  out.all = std::move(*all);
  return out;
}

Result<state::Verification> verify(const state::Task& task, const Sources& sources, const Domain& domain,
                                   const RuleDays* days) {
  state::Verification out = task.verification();
  const ThresholdRule* rule = rule_of(task, domain);
  const aggregates::MetricSpec* metric = rule == nullptr ? nullptr : aggregates::find_metric(rule->metric);
  if (metric == nullptr) {
    say(out, "not_enough_data", "the rule is no longer configured");
    return out;
  }
  if (!std::equal(task.dimensions().begin(), task.dimensions().end(), rule->group_by.begin(), rule->group_by.end()) ||
      static_cast<std::size_t>(task.scope_size()) != rule->group_by.size()) {
    say(out, "not_enough_data", "the rule groups otherwise by now");
    return out;
  }
  out.set_metric(rule->metric);
  out.set_below(rule->below);
  out.set_minimum_n(rule->verify.minimum_n);
  if (!rule->verify.outside.empty()) {
    if (auto added = add_outside(rule->verify.outside, task, sources, domain, out); !added)
      return tl::make_unexpected(added.error());
  }
  const MetricQuery query = query_of(*rule, *metric, task.tenant(), domain);
  auto series = read_weeks(query, out, days == nullptr ? nullptr : &days->scopes, sources, domain);
  if (!series) return tl::make_unexpected(series.error());
  const Scope scope{task.scope().begin(), task.scope().end()};
  (*series)[scope];
  if (metric->shape == aggregates::MetricShape::count) {
    const RuleDays::Ratios* all = days == nullptr ? nullptr : &days->all;
    if (auto shares = make_shares(query, out, all, sources, domain, *series); !shares)
      return tl::make_unexpected(shares.error());
  }
  auto other = comparison(task, *rule, scope, *series, sources, out);
  if (!other) return tl::make_unexpected(other.error());
  judge(series->at(scope), *other, out);
  return out;
}

}  // namespace echoloop::serving

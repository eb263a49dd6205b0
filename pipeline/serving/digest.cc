#include "pipeline/serving/digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "pipeline/base/bytes.h"
#include "pipeline/serving/effect_numbers.h"
#include "pipeline/serving/metric_answer.h"
#include "pipeline/serving/metric_values.h"
#include "pipeline/serving/task_rows.h"
#include "processors/casework/lifecycle.h"
#include "processors/casework/task_log.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

// Named of each kind; the rest is a number.
constexpr std::size_t kListed_max = 10, kPraised_max = 20;
constexpr const char* kMetrics[] = {"sessions", "csat", "dsat", "resolved_rate", "response_rate"};

std::string local_date(const TimeZone& zone, Time time) {
  return format_time(time + Duration{zone.offset_ms(time)}).substr(0, 10);
}

ordered_json head(const char* kind, const std::string& tenant, Week week, const Bilingual& name, const Domain& domain) {
  const TimeZone& zone = domain.zone_of(tenant);
  const std::string first = local_date(zone, week.from), last = local_date(zone, week.to - Duration{1});
  return {{"kind", kind},
          {"tenant", tenant},
          {"from", format_time(week.from)},
          {"to", format_time(week.to)},
          {"title",
           {{"zh", fmt::format("{}：{} 至 {} 一周", name.zh, first, last)},
            {"en", fmt::format("{}: the week {} to {}", name.en, first, last)}}}};
}

MetricQuery query_of(const std::string& metric, const std::string& tenant, Week week, std::vector<std::string> group_by,
                     Filters filters, const Domain& domain) {
  MetricQuery query;
  query.metric = aggregates::find_metric(metric);
  query.tenant = tenant;
  query.zone = domain.zone_of(tenant);
  query.from = week.from;
  query.to = week.to;
  query.group_by = std::move(group_by);
  query.filters = std::move(filters);
  return query;
}

// The row as the API has it, of a query for one group.
ordered_json number(MetricQuery query, const Metric& definition, const aggregates::Measures& measures) {
  query.group_by.clear();
  ordered_json row = metric_row(query, definition, {}, measures);
  row.erase("group");
  return row;
}

ordered_json named(const state::Task& task) {
  const ordered_json whole = task_json(task);
  ordered_json out;
  for (const char* key : {"id", "kind", "state", "severity", "title", "person", "count", "opened_at"})
    out[key] = whole[key];
  return out;
}

Result<ordered_json> all_named(const std::string& tenant, const std::deque<std::string>& ids, const Sources& sources,
                               const std::function<void(const state::Task&, ordered_json&)>& more = {}) {
  ordered_json out = ordered_json::array();
  for (const std::string& id : ids) {
    auto task = find_task(tenant, id, sources);
    if (!task) return tl::make_unexpected(task.error());
    if (!*task) continue;
    ordered_json one = named(**task);
    if (more) more(**task, one);
    out.push_back(std::move(one));
  }
  return out;
}

// What the log says of a word: how often, by detail, and the latest tasks, the last first.
struct Logged {
  std::int64_t n = 0;
  std::map<std::string, std::int64_t> by;
  std::deque<std::string> tasks;
};

Result<Logged> logged(const std::string& tenant, const std::string& department, std::string_view word, Week week,
                      const Sources& sources) {
  Logged out;
  auto scanned = sources.rows->scan(stage::Table::task_log, shard_of_tenant(tenant, sources),
                                    casework::log_key_from(tenant, department, word, week.from),
                                    casework::log_key_from(tenant, department, word, week.to),
                                    [&](std::string_view key, std::string_view value) {
                                      ++out.n;
                                      ++out.by[std::string(value)];
                                      const std::string id = casework::logged_task(key);
                                      std::erase(out.tasks, id);
                                      out.tasks.push_front(id);
                                      if (out.tasks.size() > kListed_max) out.tasks.pop_back();
                                      return true;
                                    });
  if (!scanned) return tl::make_unexpected(scanned.error());
  return out;
}

// Late ones first, and of each the oldest.
Result<ordered_json> waits(const std::string& tenant, const std::string& department, const Sources& sources) {
  auto lists = lists_of(tenant, sources);
  if (!lists) return tl::make_unexpected(lists.error());
  std::int64_t n = 0, late = 0;
  std::map<std::string, std::int64_t> by;
  // By lateness and time: what lists order newest first is kept from its end.
  std::map<std::pair<bool, std::string>, std::string, std::greater<>> oldest;
  for (const casework::TaskList& list : *lists) {
    if (list.department != department || casework::is_end(list.state)) continue;
    const std::string prefix = casework::list_prefix(tenant, list);
    auto scanned = sources.rows->scan(stage::Table::task_lists, shard_of_tenant(tenant, sources), prefix,
                                      prefix_end(prefix).value_or(""), [&](std::string_view key, std::string_view) {
                                        auto one = casework::parse_list_key(key);
                                        if (!one) return true;
                                        ++n;
                                        late += list.overdue ? 1 : 0;
                                        ++by[list.state];
                                        oldest.emplace(std::pair{list.overdue, std::string(one->order)}, one->id);
                                        if (oldest.size() > kListed_max) oldest.erase(std::prev(oldest.end()));
                                        return true;
                                      });
    if (!scanned) return tl::make_unexpected(scanned.error());
  }
  std::deque<std::string> ids;
  for (const auto& [order, id] : oldest) ids.push_back(id);
  auto tasks = all_named(tenant, ids, sources);
  if (!tasks) return tasks;
  return ordered_json{{"n", n}, {"overdue", late}, {"by_state", by}, {"tasks", std::move(*tasks)}};
}

Result<ordered_json> worked(const std::string& tenant, const Logged& proved, const Sources& sources) {
  const auto of = [&](const char* verdict) {
    auto found = proved.by.find(verdict);
    return found == proved.by.end() ? 0 : found->second;
  };
  auto tasks = all_named(tenant, proved.tasks, sources, [](const state::Task& task, ordered_json& one) {
    const ordered_json whole = task_json(task);
    one["action"] = whole["action"];
    one["verdict"] = task.verification().verdict();
    one["effect"] = whole["verification"].is_object() ? whole["verification"].value("effect", ordered_json{})
                                                      : ordered_json(nullptr);
  });
  if (!tasks) return tasks;
  state::Effects seen;
  seen.set_improved(of("improved"));
  seen.set_no_evidence(of("no_evidence"));
  seen.set_worse(of("worse"));
  seen.set_not_enough_data(of("not_enough_data"));
  ordered_json out = effect_numbers(seen);
  out["tasks"] = std::move(*tasks);
  return out;
}

// All measures of the sessions that the department served in that week.
Result<aggregates::Measures> served(const std::string& tenant, const std::string& department, Week week,
                                    const Sources& sources, const Domain& domain) {
  auto rows = collect(query_of("sessions", tenant, week, {}, {{"department", {department}}}, domain), sources, domain);
  if (!rows) return tl::make_unexpected(rows.error());
  return rows->empty() ? aggregates::Measures{} : std::move(rows->begin()->second);
}

// What customers said where the department served them, beside the week before; empty: it served nobody.
Result<ordered_json> said(const std::string& tenant, const std::string& department, Week week, const Sources& sources,
                          const Domain& domain) {
  const Week before = week_before(domain.zone_of(tenant), week.from);
  auto now = served(tenant, department, week, sources, domain), then = now;
  if (now) then = served(tenant, department, before, sources, domain);
  if (!now || !then) return tl::make_unexpected(now ? then.error() : now.error());
  ordered_json out = ordered_json::array();
  if (now->sessions() == 0) return out;
  for (const char* name : kMetrics) {
    const Metric* definition = find_definition(name, domain);
    if (definition == nullptr) continue;
    ordered_json one{{"metric", name}, {"version", definition->version}};
    one.update(number(query_of(name, tenant, week, {}, {}, domain), *definition, *now));
    one["before"] = number(query_of(name, tenant, before, {}, {}, domain), *definition, *then);
    out.push_back(std::move(one));
  }
  return out;
}

// ---- praise

// Of a group or an agent: how often each positive tag was given.
using Praised = std::map<std::string, std::map<std::string, std::int64_t>>;

ordered_json tags_json(const std::map<std::string, std::int64_t>& tags, const Domain& domain) {
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [tag, n] : tags) order.emplace_back(-n, tag);
  std::sort(order.begin(), order.end());
  ordered_json out = ordered_json::array();
  for (const auto& entry : order) {
    const auto& tag = entry.second;
    auto known = std::find_if(domain.tags.begin(), domain.tags.end(), [&](const Tag& one) { return one.id == tag; });
    ordered_json name = nullptr;
    if (known != domain.tags.end()) name = {{"zh", known->name.zh}, {"en", known->name.en}};
    out.push_back({{"tag", tag}, {"name", std::move(name)}, {"n", -entry.first}});
  }
  return out;
}

// Those with most praise, each with its satisfaction of the week.
Result<ordered_json> praised_by(const std::string& dimension, const std::set<std::string>& positive,
                                const std::string& tenant, Week week, const Sources& sources, const Domain& domain) {
  const MetricQuery by_tag = query_of("evaluations", tenant, week, {dimension, "tag"}, {{"tag", positive}}, domain);
  auto rows = collect(by_tag, sources, domain);
  if (!rows) return tl::make_unexpected(rows.error());
  Praised praised;
  for (const auto& [key, measures] : *rows) praised[key.group[0]][key.group[1]] = by_tag.metric->ratio(measures).n;
  std::vector<std::pair<std::int64_t, std::string>> order;
  for (const auto& [who, tags] : praised) {
    std::int64_t sum = 0;
    for (const auto& [tag, n] : tags) sum += n;
    order.emplace_back(-sum, who);
  }
  std::sort(order.begin(), order.end());
  if (order.size() > kPraised_max) order.resize(kPraised_max);
  std::set<std::string> named;
  for (const auto& [less, who] : order) named.insert(who);
  const MetricQuery satisfied = query_of("csat", tenant, week, {dimension}, {{dimension, named}}, domain);
  auto measures = collect(satisfied, sources, domain);
  if (!measures) return tl::make_unexpected(measures.error());
  const Metric* csat = find_definition("csat", domain);
  ordered_json out = ordered_json::array();
  for (const auto& [less, who] : order) {
    ordered_json one{{dimension, who}, {"tags", tags_json(praised[who], domain)}, {"csat", nullptr}};
    // Without a row: praised by those who gave no score.
    if (csat != nullptr) one["csat"] = number(satisfied, *csat, (*measures)[MetricKey{{}, {who}}]);
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

Week week_before(const TimeZone& zone, Time time) {
  const Time to = period_start(zone, Interval::week, time);
  return {period_start(zone, Interval::week, to - Duration{1}), to};
}

Time digest_due(const DigestTime& digest, const TimeZone& zone, Time now) {
  const std::int64_t monday = zone.local_day(period_start(zone, Interval::week, now));
  const Time due = zone.day_start(monday + digest.weekday) + digest.at;
  return due <= now ? due : zone.day_start(monday - 7 + digest.weekday) + digest.at;
}

Result<std::optional<ordered_json>> department_digest(const std::string& tenant, const std::string& department,
                                                      Week week, const Sources& sources, const Domain& domain) {
  std::map<std::string_view, Logged> log;
  for (std::string_view word : {casework::kCame, casework::kEnded, casework::kProved}) {
    auto found = logged(tenant, department, word, week, sources);
    if (!found) return tl::make_unexpected(found.error());
    log[word] = std::move(*found);
  }
  auto waiting = waits(tenant, department, sources);
  if (!waiting) return tl::make_unexpected(waiting.error());
  auto metrics = said(tenant, department, week, sources, domain);
  if (!metrics) return tl::make_unexpected(metrics.error());
  const bool tasks = std::any_of(log.begin(), log.end(), [](const auto& one) { return one.second.n > 0; });
  if (!tasks && (*waiting)["n"] == 0 && metrics->empty()) return std::optional<ordered_json>{};
  auto known = domain.departments.find(department);
  ordered_json out =
      head("department", tenant, week,
           known == domain.departments.end() ? Bilingual{department, department} : known->second.name, domain);
  out["department"] = department;
  for (auto [word, by] : {std::pair{casework::kCame, "by_kind"}, std::pair{casework::kEnded, "by_state"}}) {
    auto named = all_named(tenant, log[word].tasks, sources);
    if (!named) return tl::make_unexpected(named.error());
    out[std::string(word)] = {{"n", log[word].n}, {by, log[word].by}, {"tasks", std::move(*named)}};
  }
  auto proved = worked(tenant, log[casework::kProved], sources);
  if (!proved) return tl::make_unexpected(proved.error());
  out["worked"] = std::move(*proved);
  out["waits"] = std::move(*waiting);
  out["metrics"] = std::move(*metrics);
  return std::optional{std::move(out)};
}

Result<std::optional<ordered_json>> praise_digest(const std::string& tenant, Week week, const Sources& sources,
                                                  const Domain& domain) {
  std::set<std::string> positive;
  for (const Tag& tag : domain.tags) {
    if (tag.sentiment == Sentiment::positive) positive.insert(tag.id);
  }
  if (positive.empty()) return std::optional<ordered_json>{};
  const MetricQuery by_tag = query_of("evaluations", tenant, week, {"tag"}, {{"tag", positive}}, domain);
  auto rows = collect(by_tag, sources, domain);
  if (!rows) return tl::make_unexpected(rows.error());
  std::map<std::string, std::int64_t> tags;
  for (const auto& [key, measures] : *rows) {
    const std::int64_t n = by_tag.metric->ratio(measures).n;
    if (n > 0) tags[key.group[0]] = n;
  }
  if (tags.empty()) return std::optional<ordered_json>{};
  ordered_json out = head("praise", tenant, week, {"表扬", "Praise"}, domain);
  out["tags"] = tags_json(tags, domain);
  out["warnings"] = ordered_json::array();
  for (const char* dimension : {"group", "agent"}) {
    auto by = praised_by(dimension, positive, tenant, week, sources, domain);
    // Tags by agent are counted from sessions, and those may be too many.
    if (!by && by.error().fault != Fault::bad_input) return tl::make_unexpected(by.error());
    if (!by) out["warnings"].push_back(by.error().text());
    out[std::string(dimension) + "s"] = by ? std::move(*by) : ordered_json(nullptr);
  }
  return std::optional{std::move(out)};
}

}  // namespace echoloop::serving

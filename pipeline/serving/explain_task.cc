#include "pipeline/serving/explain_task.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/aggregates/metric.h"
#include "pipeline/serving/cause_rows.h"
#include "pipeline/serving/explain_session.h"
#include "pipeline/serving/session_answer.h"
#include "pipeline/serving/window_numbers.h"
#include "processors/casework/case_book.h"
#include "schemas/task_json.h"

namespace echoloop::serving {
namespace {

using nlohmann::ordered_json;

constexpr const char* kIntervals[] = {"hour", "day", "week", "month", "all"};

template <class Rules>
auto rule_named(const Rules& rules, const std::string& id) {
  auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return rule.id == id; });
  return found == rules.end() ? nullptr : &*found;
}

std::vector<std::string> scope_of(const state::Task& task) { return {task.scope().begin(), task.scope().end()}; }

ordered_json tiers_json(const ThresholdRule& rule) {
  ordered_json out = ordered_json::array();
  for (std::size_t i = 0; i < rule.tiers.size(); ++i) {
    const Tier& tier = rule.tiers[i];
    out.push_back({{"tier", i + 1},
                   {"bound", bound_json(tier.bound_ppm)},
                   {"severity", name_of(tier.severity)},
                   {"escalate_to", tier.escalate_to.empty() ? ordered_json(nullptr) : ordered_json(tier.escalate_to)}});
  }
  return out;
}

// The rule as it is written now.
ordered_json threshold_json(const ThresholdRule& rule) {
  const char* test = rule.usual_periods ? "the excess of the value over its usual level reaches the bound"
                     : rule.below       ? "the value does not rise above the bound"
                                        : "the value reaches the bound";
  return {{"version", rule.version},
          {"metric", rule.metric},
          {"group_by", rule.group_by},
          {"window", kIntervals[static_cast<int>(rule.window)]},
          {"minimum_n", rule.minimum_n},
          {"usual_windows", rule.usual_periods ? ordered_json(*rule.usual_periods) : ordered_json(nullptr)},
          {"below", rule.below},
          {"tiers", tiers_json(rule)},
          {"hysteresis", bound_json(rule.hysteresis_ppm)},
          {"test", test},
          {"significance", nullptr}};
}

ordered_json recovery_json(const RecoveryRule& rule) {
  const auto condition = [](const std::optional<bool>& wanted) {
    return wanted ? ordered_json(*wanted) : ordered_json(nullptr);
  };
  return {{"version", rule.version},
          {"unresolved", condition(rule.unresolved)},
          {"low_score", condition(rule.low_score)},
          {"wants_contact", condition(rule.wants_contact)},
          {"severity", name_of(rule.severity)}};
}

ordered_json red_line_json(const RedLine& rule) {
  return {{"version", rule.version}, {"tags", rule.tags}, {"words", rule.words}};
}

ordered_json rule_json(const state::Task& task, const Domain& domain) {
  ordered_json out = {{"id", task.rule()}, {"version", task.rule_version()}};
  ordered_json now = nullptr;
  if (task.kind() == "safety") {
    out["kind"] = "red_line";
    if (const RedLine* rule = rule_named(domain.red_lines, task.rule())) now = red_line_json(*rule);
  } else if (task.kind() == "recovery") {
    out["kind"] = "recovery";
    if (const RecoveryRule* rule = rule_named(domain.recoveries, task.rule())) now = recovery_json(*rule);
  } else {
    out["kind"] = "threshold";
    if (const ThresholdRule* rule = rule_named(domain.thresholds, task.rule())) now = threshold_json(*rule);
  }
  out["now"] = now;
  return out;
}

ordered_json opening_json(const state::Task& task) {
  if (!task.has_opening()) return nullptr;
  const state::TaskOpening& opening = task.opening();
  const aggregates::MetricSpec* metric = aggregates::find_metric(opening.metric());
  const bool counts = metric != nullptr && metric->shape == aggregates::MetricShape::count;
  ordered_json value = nullptr;
  if (counts) value = opening.numerator();
  if (!counts && opening.n() > 0) value = static_cast<double>(opening.numerator()) / static_cast<double>(opening.n());
  return {{"from", format_time(from_ms(opening.window_start()))},
          {"to", format_time(from_ms(opening.window_end()))},
          {"metric", opening.metric()},
          {"tier", opening.tier()},
          {"bound", bound_json(opening.bound_ppm())},
          {"below", opening.below()},
          {"minimum_n", opening.minimum_n()},
          {"numerator", opening.numerator()},
          {"n", opening.n()},
          {"value", value},
          {"usual", usual_json(opening.usual_periods(), opening.usual_windows(), opening.usual_numerator(),
                               opening.usual_n(), counts)},
          {"evidence", opening.evidence()},
          {"now", nullptr}};
}

Result<ordered_json> window_json(const state::Cause::Window& window, const state::Task& task, const ThresholdRule* rule,
                                 const Sources& sources, const Domain& domain) {
  ordered_json out = {{"from", format_time(from_ms(window.start()))}};
  out["to"] =
      rule == nullptr
          ? ordered_json(nullptr)
          : ordered_json(format_time(period_end(domain.zone_of(task.tenant()), rule->window, from_ms(window.start()))));
  out["tier"] = window.level();
  out["numerator"] = window.numerator();
  out["n"] = window.n();
  out["evidence"] = window.evidence();
  out["sample"] = std::vector<std::string>(window.sample().begin(), window.sample().end());
  out["now"] = nullptr;
  if (rule == nullptr) return out;
  auto now = window_now(*rule, task.tenant(), scope_of(task), from_ms(window.start()), sources, domain);
  if (!now) return now;
  out["now"] = std::move(*now);
  return out;
}

Result<void> add_windows(const state::Task& task, const Sources& sources, const Domain& domain, ordered_json& out) {
  out["opening"] = opening_json(task);
  if (!task.has_opening()) out["notes"].push_back("the numbers at opening were not kept yet when this task was opened");
  out["windows"] = ordered_json::array();
  const ThresholdRule* rule = rule_named(domain.thresholds, task.rule());
  if (rule == nullptr) out["notes"].push_back("the rule is no longer configured: its windows cannot be computed again");
  if (rule != nullptr && rule->version != task.rule_version())
    out["notes"].push_back(
        fmt::format("the rule is at version {} by now: `now` is what that version sees", rule->version));
  if (rule != nullptr && task.has_opening()) {
    auto now =
        window_now(*rule, task.tenant(), scope_of(task), from_ms(task.opening().window_start()), sources, domain);
    if (!now) return tl::make_unexpected(now.error());
    out["opening"]["now"] = std::move(*now);
  }
  auto windows = windows_of(task, sources);
  if (!windows) return tl::make_unexpected(windows.error());
  for (const state::Cause::Window& window : *windows) {
    auto line = window_json(window, task, rule, sources, domain);
    if (!line) return tl::make_unexpected(line.error());
    out["windows"].push_back(std::move(*line));
  }
  if (out["windows"].empty()) out["notes"].push_back("no window satisfies the rule by the numbers of now");
  return {};
}

Result<void> add_session(const state::Task& task, const Sources& sources, ordered_json& out) {
  http::Query asked;
  asked.add("tenant", {task.tenant()});
  auto found = find_session(asked, task.session_id(), sources);
  if (!found) return tl::make_unexpected(found.error());
  out["session"] = nullptr;
  if (!*found) {
    out["notes"].push_back("the session is no longer kept");
    return {};
  }
  const state::Session& row = (*found)->row;
  ordered_json session = feedback_json(task.tenant(), task.session_id(), row);
  if (task.kind() == "recovery") {
    session["holds_now"] = std::find(row.recoveries.begin(), row.recoveries.end(), task.rule()) != row.recoveries.end();
  } else {
    session["crossed"] = ordered_json::array();
    bool holds = false;
    for (const state::RedLineFound& one : row.red_lines) {
      if (one.red_line != task.rule()) continue;
      holds = holds || !one.withdrawn;
      session["crossed"].push_back(
          {{"evaluation_id", one.evaluation_id.empty() ? ordered_json(nullptr) : ordered_json(one.evaluation_id)},
           {"withdrawn", one.withdrawn}});
    }
    session["holds_now"] = holds;
  }
  out["session"] = std::move(session);
  return {};
}

ordered_json routing_json(const state::Task& task, ordered_json& notes) {
  ordered_json asked = ordered_json::object(), matched = ordered_json::object();
  for (const state::Property& one : task.asked()) asked[one.name()].push_back(one.value());
  for (const state::Property& one : task.matched()) matched[one.name()] = one.value();
  std::string why = "the route with the most conditions that hold; longer category paths before shorter";
  if (task.routing_version() == 0) {
    why = "no routing was in force";
  } else if (task.asked_size() == 0) {
    why = "not kept yet when this task was opened";
    notes.push_back("which route matched was not kept yet when this task was opened");
  } else if (matched.empty()) {
    why = "no route matched: triage";
  }
  return {{"version", task.routing_version()},
          {"asked", asked},
          {"matched", matched.empty() ? ordered_json(nullptr) : matched},
          {"why", why},
          {"departments", std::vector<std::string>(task.departments().begin(), task.departments().end())},
          {"department", task.department()},
          {"rejected_by", std::vector<std::string>(task.rejected_by().begin(), task.rejected_by().end())}};
}

}  // namespace

Result<ordered_json> explain_task(const state::Task& task, const Sources& sources, const Domain& domain) {
  ordered_json out;
  const ordered_json whole = task_json(task);
  for (const char* name : {"id", "tenant", "kind", "state", "severity", "title", "count", "sample"})
    out[name] = whole[name];
  out["rule"] = rule_json(task, domain);
  out["scope"] = whole["cause"]["scope"];
  out["notes"] = ordered_json::array();
  auto added = task.session_id().empty() ? add_windows(task, sources, domain, out) : add_session(task, sources, out);
  if (!added) return tl::make_unexpected(added.error());
  out["routing"] = routing_json(task, out["notes"]);
  out["history"] = whole["history"];
  return out;
}

}  // namespace echoloop::serving

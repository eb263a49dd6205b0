#include "schemas/task_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "pipeline/base/time.h"
#include "schemas/domain.h"

namespace echoloop {
namespace {

using nlohmann::ordered_json;

ordered_json time_or_null(std::int64_t ms) {
  return ms == 0 ? ordered_json(nullptr) : ordered_json(format_time(from_ms(ms)));
}
ordered_json text_or_null(const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); }

ordered_json scope_json(const state::Task& task) {
  ordered_json scope = ordered_json::object();
  for (int i = 0; i < task.dimensions_size() && i < task.scope_size(); ++i) scope[task.dimensions(i)] = task.scope(i);
  if (!task.session_id().empty()) scope["session"] = task.session_id();
  return scope;
}

ordered_json history_json(const state::Task& task) {
  ordered_json out = ordered_json::array();
  for (const state::HistoryEntry& entry : task.history()) {
    ordered_json line = {{"at", format_time(from_ms(entry.at()))}, {"who", entry.who()}, {"what", entry.what()}};
    if (!entry.from().empty()) line["from"] = entry.from();
    if (!entry.to().empty()) line["to"] = entry.to();
    if (!entry.why().empty()) line["why"] = entry.why();
    if (!entry.detail().empty()) line["detail"] = entry.detail();
    out.push_back(std::move(line));
  }
  return out;
}

ordered_json clock_json(const state::Task& task) {
  const state::TaskClock& clock = task.clock();
  if (clock.waits_for().empty()) return nullptr;
  ordered_json escalated = nullptr;
  if (!clock.escalated_to().empty())
    escalated = {{"level", clock.escalated_to()}, {"person", text_or_null(clock.escalated_person())}};
  return {{"waits_for", clock.waits_for()},
          {"by", time_or_null(task.has_hold() ? task.hold().until() : clock.by())},
          {"escalated_to", std::move(escalated)},
          {"stalled", clock.stalled()}};
}

ordered_json hold_json(const state::Hold& hold) {
  return {{"was", hold.state()},
          {"reason", hold.reason()},
          {"since", time_or_null(hold.since())},
          {"until", time_or_null(hold.until())}};
}

ordered_json told_json(const state::Told& told) {
  return {{"how", told.how()},
          {"by", told.by()},
          {"at", time_or_null(told.at())},
          {"customers", std::vector<std::string>(told.customers().begin(), told.customers().end())}};
}

ordered_json part_json(const state::Verification::Part& part) {
  return {{"numerator", part.numerator()}, {"n", part.n()}, {"weeks", part.weeks()}};
}

ordered_json outside_json(const state::Verification::Outside& seen) {
  ordered_json out = {{"outcome", seen.name()},
                      {"before", part_json(seen.before())},
                      {"after", part_json(seen.after())},
                      {"change", nullptr}};
  if (seen.has_effect()) {
    out["change"] = {
        {"value", seen.effect()},
        {"interval", {{"level", 0.95}, {"method", "Welch, weeks"}, {"low", seen.low()}, {"high", seen.high()}}}};
  }
  return out;
}

ordered_json verification_json(const state::Verification& seen) {
  ordered_json out = {{"verdict", text_or_null(seen.verdict())},
                      {"why", text_or_null(seen.why())},
                      {"at", time_or_null(seen.at())},
                      {"before", {{"from", time_or_null(seen.before_from())}, {"to", time_or_null(seen.before_to())}}},
                      {"after", {{"from", time_or_null(seen.after_from())}, {"to", time_or_null(seen.after_to())}}}};
  if (seen.verdict().empty()) return out;
  out["metric"] = text_or_null(seen.metric());
  out["more_is_better"] = seen.below();
  out["minimum_n"] = seen.minimum_n();
  out["before"].update(part_json(seen.before()));
  out["after"].update(part_json(seen.after()));
  out["comparison"] = {{"scopes", seen.comparison_scopes()},
                       {"some", std::vector<std::string>(seen.comparison().begin(), seen.comparison().end())},
                       {"before", part_json(seen.other_before())},
                       {"after", part_json(seen.other_after())}};
  out["effect"] = nullptr;
  if (seen.has_effect()) {
    out["effect"] = {
        {"value", seen.effect()},
        {"interval",
         {{"level", 0.95}, {"method", "difference in differences, t"}, {"low", seen.low()}, {"high", seen.high()}}},
        {"overdispersion", seen.overdispersion()},
        {"degrees_of_freedom", seen.degrees()}};
  }
  out["outside"] = seen.has_outside() ? outside_json(seen.outside()) : ordered_json(nullptr);
  return out;
}

ordered_json holdings_json(const state::Task& task) {
  ordered_json out = ordered_json::array();
  for (const state::Holding& one : task.holdings()) {
    out.push_back({{"department", one.department()},
                   {"entity", text_or_null(one.entity())},
                   {"from", time_or_null(one.from())},
                   {"to", time_or_null(one.to())},
                   {"ms", one.to() == 0 ? ordered_json(nullptr) : ordered_json(one.to() - one.from())},
                   {"on_hold_ms", one.on_hold_ms()}});
  }
  return out;
}

// What CASEWORK tells the outside.
std::string event_json(const std::string& type, const std::string& id, const std::string& subject, Time time,
                       std::string_view change, ordered_json data) {
  ordered_json event;
  event["specversion"] = "1.0";
  event["type"] = type;
  event["source"] = "/echoloop/casework";
  event["id"] = id;
  event["subject"] = subject;
  event["time"] = format_time(time);
  event["datacontenttype"] = "application/json";
  event["change"] = change;
  event["data"] = std::move(data);
  return event.dump();
}

}  // namespace

ordered_json task_json(const state::Task& task) {
  ordered_json out;
  out["id"] = task.id();
  out["tenant"] = task.tenant();
  out["kind"] = task.kind();
  out["state"] = task.state();
  out["severity"] = name_of(static_cast<Severity>(task.severity()));
  out["title"] = {{"zh", task.title_zh()}, {"en", task.title_en()}};
  out["cause"] = {{"rule", task.rule()}, {"rule_version", task.rule_version()}, {"scope", scope_json(task)}};
  out["department"] = task.department();
  out["person"] = text_or_null(task.person());
  out["routing"] = {{"version", task.routing_version()},
                    {"departments", std::vector<std::string>(task.departments().begin(), task.departments().end())}};
  out["count"] = task.count();
  out["sample"] = std::vector<std::string>(task.sample().begin(), task.sample().end());
  out["evidence"] = {{"numerator", task.numerator()},
                     {"n", task.n()},
                     {"first_window", time_or_null(task.first_window())},
                     {"last_window", time_or_null(task.last_window())},
                     {"withdrawn", task.evidence_withdrawn()}};
  out["customer_id"] = text_or_null(task.customer_id());
  out["tier"] = task.tier();
  out["action"] =
      task.action_type().empty()
          ? ordered_json(nullptr)
          : ordered_json{{"type", task.action_type()}, {"effective_from", time_or_null(task.action_effective_from())}};
  out["opened_at"] = format_time(from_ms(task.opened_at()));
  out["acknowledge_by"] = time_or_null(task.acknowledge_by());
  out["done_by"] = time_or_null(task.done_by());
  out["clock"] = clock_json(task);
  out["hold"] = task.has_hold() ? hold_json(task.hold()) : ordered_json(nullptr);
  out["told"] = task.has_told() ? told_json(task.told()) : ordered_json(nullptr);
  out["hand_overs"] = holdings_json(task);
  out["ended_at"] = time_or_null(task.ended_at());
  out["merged_into"] = text_or_null(task.merged_into());
  out["merged"] = std::vector<std::string>(task.merged().begin(), task.merged().end());
  out["split_from"] = text_or_null(task.split_from());
  out["updated_at"] = format_time(from_ms(task.updated_at()));
  out["history"] = history_json(task);
  out["delivery"] = {{"notify", task.notify()}};
  out["verification"] = task.has_verification() ? verification_json(task.verification()) : ordered_json(nullptr);
  return out;
}

ordered_json open_issue_json(const state::Task& task) {
  return {{"id", task.id()},
          {"kind", task.kind()},
          {"state", task.state()},
          {"severity", name_of(static_cast<Severity>(task.severity()))},
          {"title", {{"zh", task.title_zh()}, {"en", task.title_en()}}},
          {"department", task.department()},
          {"person", text_or_null(task.person())},
          {"opened_at", format_time(from_ms(task.opened_at()))},
          {"clock", clock_json(task)}};
}

std::string task_etag(const state::Task& task) { return fmt::format("\"{}\"", task.version()); }

bool task_matches(const state::Task& task, std::string_view if_match) {
  if (if_match == "*") return true;
  const std::string now = task_etag(task);
  while (true) {
    // A tag may hold commas between its quotes.
    std::size_t open = if_match.find('"');
    std::size_t close = open == std::string_view::npos ? open : if_match.find('"', open + 1);
    if (close == std::string_view::npos) return false;
    bool weak = open >= 2 && if_match.substr(open - 2, 2) == "W/";
    if (!weak && if_match.substr(open, close - open + 1) == now) return true;
    if_match.remove_prefix(close + 1);
  }
}

std::string task_event_json(const state::Task& task, std::string_view word) {
  const bool more = word == "reminded" || word == "handed_over";
  return event_json(fmt::format("echoloop.task.{}.v1", more ? "changed" : word),
                    fmt::format("{}/{}", task.id(), task.events()), task.id(), from_ms(task.updated_at()), word,
                    task_json(task));
}

std::string digest_event_json(const std::string& id, Time time, std::string_view data) {
  return event_json("echoloop.digest.v1", id, id, time, "weekly", ordered_json::parse(data));
}

}  // namespace echoloop

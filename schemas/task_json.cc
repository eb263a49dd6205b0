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
  out["updated_at"] = format_time(from_ms(task.updated_at()));
  out["history"] = history_json(task);
  out["delivery"] = {{"notify", task.notify()}};
  out["verification"] = nullptr;
  return out;
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

std::string task_event_json(const state::Task& task, std::string_view type) {
  ordered_json event;
  event["specversion"] = "1.0";
  event["type"] = type;
  event["source"] = "/echoloop/casework";
  event["id"] = fmt::format("{}/{}", task.id(), task.events());
  event["subject"] = task.id();
  event["time"] = format_time(from_ms(task.updated_at()));
  event["datacontenttype"] = "application/json";
  event["data"] = task_json(task);
  return event.dump();
}

}  // namespace echoloop

#include "tests/behaviour/looks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "schemas/domain.h"
#include "schemas/task_json.h"

namespace echoloop::behaviour {
namespace {

using nlohmann::ordered_json;

bool asked(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// {"answered":1,"bins":{"handle":{"411":1}}} → "answered=1 handle[411]=1"
std::string measures_text(const ordered_json& measures, const std::vector<std::string>& only) {
  std::string out;
  const auto add = [&](const std::string& name, const std::string& label, const ordered_json& n) {
    if (only.empty() || asked(only, name)) out += fmt::format(" {}={}", label, n.get<std::int64_t>());
  };
  for (const auto& [name, value] : measures.items()) {
    if (value.is_number()) {
      add(name, name, value);
      continue;
    }
    for (const auto& [part, inner] : value.items()) {
      if (inner.is_number()) {
        add(name, fmt::format("{}[{}]", name, part), inner);
        continue;
      }
      for (const auto& [bin, n] : inner.items()) add(name, fmt::format("{}[{}]", part, bin), n);
    }
  }
  return out;
}

std::string scope_text(const state::Task& task) {
  std::string out;
  for (int i = 0; i < task.scope_size(); ++i) out += fmt::format(" {}={}", task.dimensions(i), task.scope(i));
  if (!task.session_id().empty()) out += " session=" + task.session_id();
  return out;
}

std::string time_text(std::int64_t ms) { return format_time(from_ms(ms)); }

}  // namespace

std::vector<std::string> rows_of(const stages::Driver& driver, const std::string& set,
                                 const std::vector<std::string>& measures) {
  std::vector<std::string> out;
  for (const std::string& line : driver.aggregates()) {
    const auto row = ordered_json::parse(line);
    const auto dimensions = row["dimensions"].get<std::vector<std::string>>();
    if (fmt::format("{}", fmt::join(dimensions, "×")) != (set == "all" ? "" : set)) continue;
    const auto gained = measures_text(row["measures"], measures);
    if (gained.empty()) continue;
    const auto values = row["values"].get<std::vector<std::string>>();
    out.push_back(fmt::format("{} {}{}{}:{}", row["tenant"].get<std::string>(),
                              time_text(row["bucket"].get<std::int64_t>() * 1000), values.empty() ? "" : " ",
                              fmt::join(values, " × "), gained));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> tasks_of(const stages::Driver& driver, const std::vector<std::string>& fields) {
  std::vector<std::string> out;
  for (const state::Task& task : driver.tasks()) {
    std::string line = fmt::format("{}{} {} {} {}: {}{}, count {}", task.tenant() == "acme" ? "" : task.tenant() + " ",
                                   task.kind(), task.state(), name_of(static_cast<Severity>(task.severity())),
                                   task.department(), task.rule(), scope_text(task), task.count());
    if (task.tier() > 0) line += fmt::format(", tier {}", task.tier());
    if (task.evidence_withdrawn()) line += ", evidence withdrawn";
    if (!task.notify()) line += ", no notice";
    if (asked(fields, "ratio")) line += fmt::format(", {} of {}", task.numerator(), task.n());
    if (asked(fields, "person")) line += ", " + task.person();
    if (asked(fields, "route"))
      line += fmt::format(", route {}: {}", task.routing_version(), fmt::join(task.departments(), ", "));
    if (asked(fields, "due"))
      line += fmt::format(", opened {}, acknowledge by {}, done by {}", time_text(task.opened_at()),
                          time_text(task.acknowledge_by()), time_text(task.done_by()));
    if (asked(fields, "title")) line += fmt::format(", {} | {}", task.title_zh(), task.title_en());
    if (asked(fields, "customer") && !task.customer_id().empty()) line += ", " + task.customer_id();
    if (asked(fields, "sample") && task.sample_size() > 0) {
      std::vector<std::string> sample(task.sample().begin(), task.sample().end());
      std::sort(sample.begin(), sample.end());
      line += fmt::format(", sample {}", fmt::join(sample, " "));
    }
    out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> told_by(const stages::Driver& driver) {
  std::vector<std::string> out;
  for (const std::string& text : driver.told()) {
    const auto event = ordered_json::parse(text);
    const auto& task = event["data"];
    std::string scope;
    for (const auto& [name, value] : task["cause"]["scope"].items()) {
      scope += fmt::format(" {}={}", name, value.get<std::string>());
    }
    out.push_back(fmt::format("{} {}: {}{}, {}, count {}", event["time"].get<std::string>(),
                              event["type"].get<std::string>(), task["cause"]["rule"].get<std::string>(), scope,
                              task["state"].get<std::string>(), task["count"].get<std::int64_t>()));
  }
  return out;
}

std::vector<std::string> dead_in(const stages::Driver& driver) {
  std::vector<std::string> out;
  for (const state::DeadLetter& letter : driver.dead_letters()) {
    const auto& rejected = letter.rejected();
    out.push_back(rejected.where().empty() ? rejected.reason() : rejected.where() + ": " + rejected.reason());
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::vector<std::string> counts_of(const stages::Driver& driver, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& [name, n] : driver.counters()) {
    if (n != 0 && (names.empty() || asked(names, name))) out.push_back(fmt::format("{} {}", name, n));
  }
  return out;
}

std::vector<std::string> history_of(const state::Task& task) {
  std::vector<std::string> out;
  for (const state::HistoryEntry& entry : task.history()) {
    std::string line = fmt::format("{} {} {}", time_text(entry.at()), entry.who(), entry.what());
    if (!entry.detail().empty()) line += fmt::format(" ({})", entry.detail());
    if (!entry.to().empty() && entry.to() != entry.from())
      line += fmt::format(": {} → {}", entry.from().empty() ? "·" : entry.from(), entry.to());
    if (!entry.why().empty()) line += fmt::format(" “{}”", entry.why());
    out.push_back(std::move(line));
  }
  return out;
}

std::vector<std::string> answer_of(const state::CommandResult& result) {
  std::vector<std::string> out{fmt::format("{}", result.status())};
  if (!result.detail().empty()) out.back() += " " + result.detail();
  if (result.allowed_size() > 0) out.push_back(fmt::format("allowed: {}", fmt::join(result.allowed(), ", ")));
  return out;
}

state::Task find_task(const stages::Driver& driver, const std::vector<std::string>& rule_and_scope) {
  std::optional<state::Task> found;
  for (const state::Task& task : driver.tasks()) {
    std::vector<std::string> cause{task.rule()};
    cause.insert(cause.end(), task.scope().begin(), task.scope().end());
    if (!task.session_id().empty()) cause.push_back(task.session_id());
    if (cause == rule_and_scope && (!found || found->opened_at() <= task.opened_at())) found = task;
  }
  if (!found) throw std::runtime_error(fmt::format("there is no task {}", fmt::join(rule_and_scope, " ")));
  return *found;
}

}  // namespace echoloop::behaviour

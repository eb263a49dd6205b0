// Findings: one task per cause (rule, scope), growing with its evidence. The count of a task is the sum over the
// windows whose rule holds by the newest numbers, so that corrections take out exactly what they put in. What somebody
// works on is not taken away while any evidence is left: a window that fell below the rule keeps the numbers that once
// satisfied it, and as much of its evidence as nobody took back.
#include <fmt/format.h>

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "processors/casework/casework.h"
#include "processors/casework/clocks.h"
#include "processors/casework/merging.h"

namespace echoloop::casework {
namespace {

struct Cause {
  std::string key;
  state::Cause row;
};

Cause load_cause(const state::Finding& finding, stage::Context& context) {
  Cause cause;
  put_key_text(cause.key, finding.tenant());
  put_key_text(cause.key, finding.rule());
  for (const std::string& value : finding.scope()) put_key_text(cause.key, value);
  if (auto row = context.get(stage::Table::causes, cause.key)) {
    if (!cause.row.ParseFromString(*row))
      throw stage::BrokenWorld({Fault::world, "table causes", "a row that cannot be read"});
  }
  return cause;
}

const ThresholdRule* rule_of(const state::Finding& finding, const Domain& domain) {
  auto found = std::find_if(domain.thresholds.begin(), domain.thresholds.end(),
                            [&](const ThresholdRule& r) { return r.id == finding.rule(); });
  return found == domain.thresholds.end() ? nullptr : &*found;
}

std::vector<std::string> scope_of(const state::Finding& finding) {
  return {finding.scope().begin(), finding.scope().end()};
}

// The rule must have tiers.
const Tier& tier_of(const ThresholdRule& rule, int tier) {
  return rule.tiers[static_cast<std::size_t>(std::clamp<int>(tier, 1, static_cast<int>(rule.tiers.size()))) - 1];
}

Severity severity_of(const ThresholdRule& rule, int tier) {
  return rule.tiers.empty() ? Severity::medium : tier_of(rule, tier).severity;
}

state::Cause::Window* window_of(state::Cause& cause, std::int64_t start) {
  for (state::Cause::Window& window : *cause.mutable_windows()) {
    if (window.start() == start) return &window;
  }
  return nullptr;
}

void remove_window(state::Cause& cause, std::int64_t start) {
  auto& windows = *cause.mutable_windows();
  for (int i = 0; i < windows.size(); ++i) {
    if (windows[i].start() == start) {
      windows.DeleteSubrange(i, 1);
      return;
    }
  }
}

// Brings count and sample of the task in line with its windows; answers how many windows it has.
int recount(const state::Cause& cause, int ordinal, state::Task& task, CaseBook& book, stage::Context& context) {
  std::int64_t count = 0;
  int windows = 0;
  std::vector<std::string> sample;
  task.clear_first_window();
  task.clear_last_window();
  for (const state::Cause::Window& window : cause.windows()) {
    if (window.ordinal() != ordinal) continue;
    ++windows;
    count += window.evidence();
    if (task.first_window() == 0 || window.start() < task.first_window()) task.set_first_window(window.start());
    if (window.start() >= task.last_window()) {
      task.set_last_window(window.start());
      task.set_numerator(window.numerator());
      task.set_n(window.n());
    }
    sample.insert(sample.end(), window.sample().begin(), window.sample().end());
  }
  set_evidence(task, count, sample, book, context);
  return windows;
}

void set_opening(const state::Finding& finding, const ThresholdRule& rule, state::TaskOpening& opening) {
  opening.set_window_start(finding.window_start());
  opening.set_window_end(finding.window_end());
  opening.set_tier(finding.level());
  opening.set_numerator(finding.numerator());
  opening.set_n(finding.n());
  opening.set_evidence(finding.evidence());
  opening.set_metric(rule.metric);
  if (!rule.tiers.empty()) opening.set_bound_ppm(tier_of(rule, finding.level()).bound_ppm);
  opening.set_minimum_n(rule.minimum_n);
  opening.set_below(rule.below);
  opening.set_usual_periods(rule.usual_periods.value_or(0));
  opening.set_usual_numerator(finding.usual_numerator());
  opening.set_usual_n(finding.usual_n());
  opening.set_usual_windows(finding.usual_windows());
}

state::Task& open_task(const state::Finding& finding, const ThresholdRule& rule, int ordinal, const Domain& domain,
                       CaseBook& book, stage::Context& context) {
  NewTask fresh;
  fresh.id = cause_task_id(finding.tenant(), finding.rule(), scope_of(finding), ordinal);
  fresh.tenant = finding.tenant();
  fresh.kind = "improvement";
  fresh.rule = rule.id;
  fresh.rule_version = rule.version;
  fresh.dimensions = rule.group_by;
  fresh.scope = scope_of(finding);
  fresh.title = filled_title(rule.title, fresh.dimensions, fresh.scope, domain);
  fresh.severity = severity_of(rule, 1);
  for (std::size_t i = 0; i < fresh.dimensions.size() && i < fresh.scope.size(); ++i)
    fresh.properties.emplace(asked_as(fresh.dimensions[i]), fresh.scope[i]);
  fresh.event_time = from_ms(finding.window_end());
  state::Task& task = book.open(fresh, context);
  task.set_tier(1);
  set_opening(finding, rule, *task.mutable_opening());
  return task;
}

// What a finding does to the task before it counts there.
enum class Opening { none, revived, fresh };

// The task that a window which newly holds belongs to: the live one, one to be reopened, or a new one.
std::pair<state::Task&, Opening> task_for_window(const state::Finding& finding, const ThresholdRule& rule,
                                                 state::Cause& cause, const Domain& domain, CaseBook& book,
                                                 stage::Context& context) {
  state::Task* task =
      cause.has_task()
          ? book.find(finding.tenant(),
                      cause_task_id(finding.tenant(), finding.rule(), scope_of(finding), cause.ordinal()), context)
          : nullptr;
  const bool cancelled = task != nullptr && task->state() == task_state::kCancelled;
  const bool ended_late = task != nullptr && to_ms(context.now()) - task->state_since() > rule.reopen_within.count();
  if (task != nullptr && (!is_end(task->state()) || !ended_late || cancelled)) {
    // A window that ended before the task did says nothing new.
    if (!cancelled && (!can_be_reopened(task->state()) || finding.window_end() <= task->state_since()))
      return {*task, Opening::none};
    book.revive(*task, "echoloop", cancelled ? "the evidence is back" : "the cause is back", context);
    set_opening(finding, rule, *task->mutable_opening());
    return {*task, Opening::revived};
  }
  if (task != nullptr) cause.set_ordinal(cause.ordinal() + 1);
  cause.set_has_task(true);
  return {open_task(finding, rule, cause.ordinal(), domain, book, context), Opening::fresh};
}

// Every tier that fires speaks, again after it was armed again; the severity follows the highest. A task that opens has
// spoken for the first tier, and a new one stands where its window stands, whatever fired for the task before it.
void escalate(const state::Finding& finding, const ThresholdRule& rule, Opening opening, state::Task& task,
              const Domain& domain, CaseBook& book, stage::Context& context) {
  int from = opening == Opening::fresh ? 1 : std::max(finding.fires_from(), opening == Opening::revived ? 1 : 0);
  int to =
      std::min(opening == Opening::fresh ? finding.level() : finding.fires_to(), static_cast<int>(rule.tiers.size()));
  for (int tier = from + 1; tier <= to; ++tier) {
    const Tier& reached = rule.tiers[static_cast<std::size_t>(tier) - 1];
    task.set_tier(std::max(task.tier(), tier));
    if (static_cast<int>(reached.severity) > task.severity()) {
      task.set_severity(static_cast<int>(reached.severity));
      hasten(task, domain, context.now());
    }
    book.write(
        task,
        history("echoloop", "escalated", {},
                "tier " + std::to_string(tier) + (reached.escalate_to.empty() ? "" : " → " + reached.escalate_to)),
        News::escalated, context);
  }
}

void take_holding(const state::Finding& finding, const ThresholdRule& rule, state::Cause& cause, const Domain& domain,
                  CaseBook& book, stage::Context& context) {
  state::Cause::Window* window = window_of(cause, finding.window_start());
  state::Task* task = nullptr;
  auto opening = Opening::none;
  if (window == nullptr) {
    auto [taker, how] = task_for_window(finding, rule, cause, domain, book, context);
    task = &taker;
    opening = how;
    window = cause.add_windows();
    window->set_start(finding.window_start());
    window->set_ordinal(cause.ordinal());
  } else {
    task = book.find(finding.tenant(),
                     cause_task_id(finding.tenant(), finding.rule(), scope_of(finding), window->ordinal()), context);
  }
  window->set_level(finding.level());
  window->set_evidence(finding.evidence());
  window->set_numerator(finding.numerator());
  window->set_n(finding.n());
  *window->mutable_sample() = finding.sample();
  if (task == nullptr) return;
  book.hear_of(*task, from_ms(finding.window_end()), context);
  recount(cause, window->ordinal(), *task, book, context);
  escalate(finding, rule, opening, *task, domain, book, context);
  book.touch(*task, context);
}

// Whether somebody works on the task, and not all of what they work on was taken back.
bool is_kept(const state::Finding& finding, const state::Task& task) {
  return finding.evidence() > 0 && can_be_cancelled(task.state()) && task.state() != task_state::kOpened;
}

void ease(const state::Finding& finding, state::Cause& cause, state::Cause::Window& window, state::Task& task,
          CaseBook& book, stage::Context& context) {
  const bool eases = window.level() > 0, shrinks = finding.evidence() < window.evidence();
  window.set_level(0);
  if (shrinks) {
    window.set_evidence(finding.evidence());
    *window.mutable_sample() = finding.sample();
    recount(cause, window.ordinal(), task, book, context);
    book.touch(task, context);
  }
  if (!eases) return;
  book.write(
      task,
      history("echoloop", "eased", fmt::format("below the rule by now: {} of {}", finding.numerator(), finding.n())),
      News::changed, context);
}

void take_ceasing(const state::Finding& finding, state::Cause& cause, CaseBook& book, stage::Context& context) {
  state::Cause::Window* window = window_of(cause, finding.window_start());
  if (window == nullptr) return;
  int ordinal = window->ordinal();
  state::Task* task =
      book.find(finding.tenant(), cause_task_id(finding.tenant(), finding.rule(), scope_of(finding), ordinal), context);
  if (task != nullptr && is_kept(finding, *task)) return ease(finding, cause, *window, *task, book, context);
  remove_window(cause, finding.window_start());
  if (task == nullptr) return;
  if (recount(cause, ordinal, *task, book, context) > 0 || task->merged_count() > 0 ||
      !can_be_cancelled(task->state())) {
    book.touch(*task, context);
    return;
  }
  state::HistoryEntry entry =
      history("echoloop", "cancelled",
              finding.evidence() > 0 ? fmt::format("below the rule by now: {} of {}", finding.numerator(), finding.n())
                                     : "corrections took all evidence away");
  entry.set_from(task->state());
  entry.set_to(std::string(task_state::kCancelled));
  book.move_to(*task, task_state::kCancelled, ClockEffect::end, context);
  book.write(*task, std::move(entry), News::changed, context);
}

}  // namespace

void take_finding(const state::Finding& finding, const Domain& domain, CaseBook& book, stage::Context& context) {
  const ThresholdRule* rule = rule_of(finding, domain);
  if (rule == nullptr) return;  // removed by a reload since; its tasks stay as they are
  Cause cause = load_cause(finding, context);
  if (finding.level() > 0) {
    take_holding(finding, *rule, cause.row, domain, book, context);
  } else {
    take_ceasing(finding, cause.row, book, context);
  }
  context.put(stage::Table::causes, cause.key, cause.row.SerializeAsString());
}

}  // namespace echoloop::casework

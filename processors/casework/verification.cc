#include "processors/casework/verification.h"

#include <algorithm>

#include "pipeline/base/bytes.h"
#include "processors/casework/casework.h"
#include "processors/casework/clocks.h"
#include "processors/casework/task_log.h"
#include "processors/casework/timers.h"

namespace echoloop::casework {
namespace {

// Corrections of the last day still come.
constexpr Duration kGrace{kDay_ms};

VerifyRule rule_of(const state::Task& task, const Domain& domain) {
  auto found = std::find_if(domain.thresholds.begin(), domain.thresholds.end(),
                            [&](const ThresholdRule& rule) { return rule.id == task.rule(); });
  return found == domain.thresholds.end() ? VerifyRule{} : found->verify;
}

std::string_view state_after(const std::string& verdict) {
  if (verdict == "improved") return task_state::kVerified;
  return verdict == "not_enough_data" ? task_state::kNotEnoughData : task_state::kNotImproved;
}

// The department is the one that did the work; the month that of the tenant's calendar.
void count_effect(const state::Task& task, const Domain& domain, Time now, stage::Context& context) {
  const TimeZone& zone = domain.zone_of(task.tenant());
  std::string key = tenant_key(task.tenant());
  put_key_text(key, format_time(now + Duration{zone.offset_ms(now)}).substr(0, 7));
  put_key_text(key, task.action_type());
  put_key_text(key, task.department());
  state::Effects effects;
  if (auto row = context.get(stage::Table::effects, key); row && !effects.ParseFromString(*row))
    throw stage::BrokenWorld({Fault::world, "table effects", "a row that cannot be read"});
  const std::string& verdict = task.verification().verdict();
  if (verdict == "improved") effects.set_improved(effects.improved() + 1);
  if (verdict == "no_evidence") effects.set_no_evidence(effects.no_evidence() + 1);
  if (verdict == "worse") effects.set_worse(effects.worse() + 1);
  if (verdict == "not_enough_data") effects.set_not_enough_data(effects.not_enough_data() + 1);
  context.put(stage::Table::effects, key, effects.SerializeAsString());
}

}  // namespace

void begin_verification(state::Task& task, const Domain& domain, CaseBook& book, stage::Context& context) {
  const VerifyRule rule = rule_of(task, domain);
  const TimeZone& zone = domain.zone_of(task.tenant());
  const Time acted = std::max(from_ms(task.action_effective_from()), from_ms(task.told().at()));
  // The first whole day after the action, and the last whole one before the window that opened the task.
  const std::int64_t first = zone.local_day(acted) + (zone.day_start(zone.local_day(acted)) < acted ? 1 : 0);
  const std::int64_t trigger = task.has_opening() ? zone.local_day(from_ms(task.opening().window_start()))
                                                  : zone.local_day(from_ms(task.opened_at()));
  const auto day = [&](std::int64_t number) { return to_ms(zone.day_start(number)); };
  state::Verification& verification = *task.mutable_verification();
  verification.Clear();
  verification.set_before_from(day(trigger - rule.weeks_before * kWeek_days));
  verification.set_before_to(day(trigger));
  verification.set_after_from(day(first));
  verification.set_after_to(day(first + rule.weeks_after * kWeek_days));
  const std::int64_t due = verification.after_to() + kGrace.count();
  task.mutable_clock()->set_by(due);
  task.mutable_clock()->set_from(to_ms(book.now(context)));
  context.put(stage::Table::verifications, timer_key(due, task.tenant(), task.id()), "");
}

void take_verdict(const state::Verdict& verdict, const Domain& domain, CaseBook& book, stage::Context& context) {
  context.erase(stage::Table::verifications, timer_key(verdict.due(), verdict.tenant(), verdict.task_id()));
  state::Task* task = book.find(verdict.tenant(), verdict.task_id(), context);
  if (task == nullptr || task->state() != task_state::kVerifying || task->clock().from() != verdict.asked_at()) {
    context.count("verdicts_late");
    return;
  }
  *task->mutable_verification() = verdict.verification();
  task->mutable_verification()->set_at(to_ms(book.now(context)));
  count_effect(*task, domain, book.now(context), context);
  log_task(*task, kProved, verdict.verification().verdict(), book.now(context), context);
  state::HistoryEntry entry =
      history("echoloop", "verdict", verdict.verification().why(), verdict.verification().verdict());
  entry.set_from(task->state());
  const std::string_view to = state_after(verdict.verification().verdict());
  book.move_to(*task, to, is_end(to) ? ClockEffect::end : ClockEffect::start, context);
  entry.set_to(task->state());
  book.write(*task, std::move(entry), News::verified, context);
  context.count("verdicts");
}

}  // namespace echoloop::casework

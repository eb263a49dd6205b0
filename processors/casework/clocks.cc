#include "processors/casework/clocks.h"

#include <fmt/format.h>

#include <algorithm>

#include "processors/casework/lifecycle.h"
#include "processors/casework/verification.h"

namespace echoloop::casework {
namespace {

using namespace task_state;

constexpr const char* kLevels[] = {"person", "lead", "manager", "executive"};
constexpr int kTop = 3;
// Steps double at each rung, and so after the top of the ladder; but not beyond this.
constexpr Duration kStep_max{365 * kDay_ms};

const DueTimes& times_of(const state::Task& task, const Domain& domain) {
  static const DueTimes kUsual{};
  auto found = domain.due.find(static_cast<Severity>(task.severity()));
  return found == domain.due.end() ? kUsual : found->second;
}

std::string person_at(int level, const state::Task& task, const Domain& domain) {
  auto found = domain.departments.find(task.department());
  if (level == 0 || found == domain.departments.end()) return task.person();
  const Department& department = found->second;
  return level == 1 ? department.lead : level == 2 ? department.manager : department.executive;
}

// Working time as the calendar knows it.
Duration between(const BusinessCalendar* calendar, Time from, Time to) {
  return calendar == nullptr ? to - from : calendar->between(from, to);
}
Time add(const BusinessCalendar* calendar, Time from, Duration working) {
  return calendar == nullptr ? from + working : calendar->add(from, working);
}

Duration length_of(const Allowance& allowance, const BusinessCalendar* calendar) {
  return calendar == nullptr ? allowance.elapsed : allowance.working(*calendar);
}

// When the task speaks next while a person has to act.
Time next_word(const state::Task& task, const Domain& domain) {
  const state::TaskClock& clock = task.clock();
  if (!clock.reminded()) return from_ms(clock.remind_at());
  if (clock.rung() == 0) return from_ms(std::max(clock.by(), clock.spoke_at()));  // a deadline may be set in the past
  const BusinessCalendar* calendar = calendar_of(task, domain);
  const std::int64_t steps = std::int64_t{1} << std::min(clock.rung() - 1, 30);
  const Duration step = std::max(length_of(times_of(task, domain).escalate, calendar), Duration{1});
  return add(calendar, from_ms(clock.spoke_at()), step > kStep_max / steps ? kStep_max : step * steps);
}

// When the loop is stalled: a customer waits, and nobody does anything.
Time stalled_at(const state::Task& task, const Domain& domain) {
  const auto& contact = times_of(task, domain).contact;
  const std::string_view what = waits_for(task);
  const bool waits = what == "acknowledge" || what == "done" || what == "tell_customer" || what == "close";
  if (!contact || !waits || task.kind() == "improvement" || task.clock().stalled() || task.clock().contact_at() == 0)
    return Time::max();
  return after(task, domain, from_ms(task.clock().contact_at()), *contact);
}

// Of the time that is given, three quarters are over then.
Time reminder_of(const state::Task& task, const Domain& domain) {
  const BusinessCalendar* calendar = calendar_of(task, domain);
  const Time from = from_ms(task.clock().from()), by = from_ms(task.clock().by());
  return add(calendar, from, between(calendar, from, by) * 3 / 4);
}

void remind(state::Task& task, CaseBook& book, stage::Context& context) {
  task.mutable_clock()->set_reminded(true);
  book.write(task,
             history("echoloop", "reminded",
                     fmt::format("{} by {}", waits_for(task), format_time(from_ms(task.clock().by()))), task.person()),
             News::reminded, context);
}

void climb(state::Task& task, Time due, const Domain& domain, CaseBook& book, stage::Context& context) {
  state::TaskClock& clock = *task.mutable_clock();
  clock.set_rung(clock.rung() + 1);
  clock.set_spoke_at(to_ms(due));
  const int level = std::min(clock.rung(), kTop);
  clock.set_escalated_to(kLevels[level]);
  clock.set_escalated_person(person_at(level, task, domain));
  const std::string who = clock.escalated_person().empty() ? "" : " " + clock.escalated_person();
  book.write(
      task,
      history("echoloop", "escalated", fmt::format("{} was due {}", waits_for(task), format_time(from_ms(clock.by()))),
              fmt::format("late → {}{}", clock.escalated_to(), who)),
      News::escalated, context);
}

void stall(state::Task& task, std::string why, const Domain& domain, CaseBook& book, stage::Context& context) {
  task.mutable_clock()->set_stalled(true);
  const std::string lead = person_at(1, task, domain);
  book.write(task, history("echoloop", "stalled", std::move(why), "→ lead" + (lead.empty() ? "" : " " + lead)),
             News::escalated, context);
}

void end_hold(state::Task& task, const Domain& domain, CaseBook& book, stage::Context& context) {
  state::HistoryEntry entry = history("echoloop", "resumed", "the limit of the hold has passed");
  entry.set_from(task.state());
  book.take_from_hold(task, context);
  entry.set_to(task.state());
  book.write(task, std::move(entry), News::changed, context);
  // A customer was told to wait until then.
  if (task.kind() != "improvement") stall(task, "what was promised has passed", domain, book, context);
}

}  // namespace

std::string_view waits_for(const state::Task& task) {
  const std::string& state = task.state();
  if (!task.merged_into().empty()) return {};
  if (state == kOpened) return "acknowledge";
  if (state == kAcknowledged || state == kAccepted || state == kInProgress) return "done";
  if (state == kOnHold) return "resume";
  if (state == kDone) return "tell_customer";
  if (state == kCustomerTold) return task.kind() == "improvement" ? "verify" : "close";
  if (state == kVerifying) return "verdict";
  if (state == kNotImproved || state == kNotEnoughData) return "decide";
  return {};
}

bool is_overdue(const state::Task& task, Time now) {
  const std::string_view what = waits_for(task);
  if (what.empty() || what == "resume" || what == "verify" || what == "verdict") return false;
  // A task of a former version has no clock until something happens to it.
  const std::int64_t by = task.clock().by() != 0  ? task.clock().by()
                          : what == "acknowledge" ? task.acknowledge_by()
                          : what == "done"        ? task.done_by()
                                                  : to_ms(now);
  return to_ms(now) > by;
}

const BusinessCalendar* calendar_of(const state::Task& task, const Domain& domain) {
  auto department = domain.departments.find(task.department());
  if (task.kind() == "safety" || department == domain.departments.end()) return nullptr;
  auto calendar = domain.calendars.find(department->second.calendar);
  return calendar == domain.calendars.end() ? nullptr : &calendar->second;
}

Time after(const state::Task& task, const Domain& domain, Time from, const Allowance& allowance) {
  const BusinessCalendar* calendar = calendar_of(task, domain);
  return add(calendar, from, length_of(allowance, calendar));
}

void start_deadlines(state::Task& task, const Domain& domain, Time from) {
  const DueTimes& times = times_of(task, domain);
  task.mutable_clock()->set_from(to_ms(from));
  task.set_acknowledge_by(to_ms(after(task, domain, from, times.acknowledge)));
  task.set_done_by(to_ms(after(task, domain, from, times.done)));
}

void note_contact(state::Task& task, Time now) {
  task.mutable_clock()->set_contact_at(to_ms(now));
  task.mutable_clock()->set_stalled(false);
}

void start_clock(state::Task& task, const Domain& domain, Time now) {
  state::TaskClock& clock = *task.mutable_clock();
  const std::string_view what = waits_for(task);
  // To acknowledge and to finish both run from when the task was opened or given on.
  if (what == "acknowledge") clock.set_by(task.acknowledge_by());
  if (what == "done") clock.set_by(task.done_by());
  if (what != "acknowledge" && what != "done") {
    clock.set_from(to_ms(now));
    clock.set_by(what == "verify" ? to_ms(now) : to_ms(after(task, domain, now, times_of(task, domain).tell)));
  }
  const Time reminder = reminder_of(task, domain);
  clock.set_remind_at(to_ms(reminder));
  // What would have been said before is not said now: who took it up late knows.
  clock.set_reminded(reminder <= now && what != "verify");
  clock.set_spoke_at(to_ms(now));
  if (clock.by() <= to_ms(now) && clock.rung() > 0 && what == "done") return;  // as late as before
  begin_ladder(task, now);
}

void begin_ladder(state::Task& task, Time now) {
  state::TaskClock& clock = *task.mutable_clock();
  clock.set_spoke_at(to_ms(now));
  clock.set_rung(0);
  clock.clear_escalated_to();
  clock.clear_escalated_person();
}

void hasten(state::Task& task, const Domain& domain, Time now) {
  const std::string& state = task.state() == kOnHold ? task.hold().state() : task.state();
  if (state != kOpened && state != kAcknowledged && state != kAccepted && state != kInProgress) return;
  state::TaskClock& clock = *task.mutable_clock();
  if (task.state() != kOnHold) {
    start_deadlines(task, domain, from_ms(clock.from()));
    return start_clock(task, domain, now);
  }
  const BusinessCalendar* calendar = calendar_of(task, domain);
  const auto given = [&] { return between(calendar, from_ms(clock.from()), from_ms(clock.by())).count(); };
  const std::int64_t used = given() - clock.left_ms();
  start_deadlines(task, domain, from_ms(clock.from()));
  clock.set_by(state == kOpened ? task.acknowledge_by() : task.done_by());
  clock.set_left_ms(std::max<std::int64_t>(given() - used, 0));
  clock.set_remind_left_ms(std::max<std::int64_t>(given() * 3 / 4 - used, 0));
}

void stop_clock(state::Task& task, const Domain& domain, Time now) {
  state::TaskClock& clock = *task.mutable_clock();
  const auto left = [&](Time until) {
    return until <= now ? std::int64_t{0} : between(calendar_of(task, domain), now, until).count();
  };
  clock.set_left_ms(left(from_ms(clock.by())));
  clock.set_remind_left_ms(left(from_ms(clock.remind_at())));
}

void resume_clock(state::Task& task, const Domain& domain, Time since, Time now) {
  state::TaskClock& clock = *task.mutable_clock();
  const BusinessCalendar* calendar = calendar_of(task, domain);
  if (clock.left_ms() > 0) {
    clock.set_by(to_ms(add(calendar, now, Duration{clock.left_ms()})));
    task.set_done_by(clock.by());
  }
  clock.set_from(clock.from() + (now - since).count());  // as if it had been opened so much later
  clock.set_remind_at(to_ms(add(calendar, now, Duration{clock.remind_left_ms()})));
  clock.set_spoke_at(to_ms(now));
  clock.clear_left_ms();
  clock.clear_remind_left_ms();
}

void end_clock(state::Task& task, Time now) {
  const std::int64_t timer = task.clock().timer();
  task.mutable_clock()->Clear();
  task.mutable_clock()->set_timer(timer);
  task.set_ended_at(to_ms(now));
}

std::int64_t next_timer_ms(const state::Task& task, const Domain& domain) {
  const std::string_view what = waits_for(task);
  if (what.empty() || what == "verdict") return 0;
  if (what == "resume") return task.hold().until();
  if (what == "verify") return task.clock().by();
  return to_ms(std::min(next_word(task, domain), stalled_at(task, domain)));
}

namespace {

// Its department is not in the configuration any more.
void hand_on(state::Task& task, Time due, const Domain& domain, CaseBook& book, stage::Context& context) {
  const std::string from = task.department();
  book.give_to(task, next_department(task, domain).value_or(std::string(kTriage)), context);
  begin_ladder(task, due);
  book.write(task,
             history("echoloop", "handed_over", fmt::format("there is no department '{}'", from), task.department()),
             News::handed_over, context);
}

}  // namespace

void fire(state::Task& task, Time due, const Domain& domain, CaseBook& book, stage::Context& context) {
  const std::string_view what = waits_for(task);
  if (task.department() != kTriage && !domain.departments.contains(task.department()))
    hand_on(task, due, domain, book, context);
  if (what == "resume") return end_hold(task, domain, book, context);
  if (what == "verify") {
    state::HistoryEntry entry = history("echoloop", "verifying");
    entry.set_from(task.state());
    entry.set_to(std::string(kVerifying));
    book.move_to(task, kVerifying, ClockEffect::start, context);
    begin_verification(task, domain, book, context);
    return book.write(task, std::move(entry), News::changed, context);
  }
  // Due by another configuration than the one of now: it waits on.
  if (next_timer_ms(task, domain) > to_ms(due)) return book.touch(task, context);
  if (stalled_at(task, domain) <= due)
    return stall(task, fmt::format("nobody did anything since {}", format_time(from_ms(task.clock().contact_at()))),
                 domain, book, context);
  if (!task.clock().reminded()) return remind(task, book, context);
  climb(task, due, domain, book, context);
}

}  // namespace echoloop::casework

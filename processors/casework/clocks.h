// The clock of a task: what it waits for and until when, in working time of the department that has it; reminders and
// the escalation ladder; and everything else that happens by itself when stage time has come.
//
// While somebody has to act, a reminder comes after three quarters of the time. When the deadline has passed the task
// climbs the ladder: at once to the lead, after one step to the manager, after two more to the executive; then it
// speaks again after four more, eight more and so on. A step is `escalate` of the severity. A recovery or safety task
// with which no person does anything for `contact`, or whose hold runs out, is stalled, and its lead is told.
#pragma once

#include <string_view>

#include "pipeline/stage/processor.h"
#include "processors/casework/case_book.h"
#include "schemas/domain.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

// What the state waits for: acknowledge, done, resume, tell_customer, close, verify, verdict, decide; empty at an end.
std::string_view waits_for(const state::Task& task);
// Whether a person is late. Not while it is on hold or being verified.
bool is_overdue(const state::Task& task, Time now);

// The working time of the department that has the task; elapsed time where it has no calendar, and for safety always.
const BusinessCalendar* calendar_of(const state::Task& task, const Domain& domain);
Time after(const state::Task& task, const Domain& domain, Time from, const Allowance& allowance);

// Deadlines of a task that is opened anew: to acknowledge and to finish.
void start_deadlines(state::Task& task, const Domain& domain, Time from);
// The clock of the state that the task is in now.
void start_clock(state::Task& task, const Domain& domain, Time now);
// A person did something with the task.
void note_contact(state::Task& task, Time now);
// Another department has it: those above whom it climbed are not its own.
void begin_ladder(state::Task& task, Time now);
// The severity rose: deadlines as if it had been so when the task was opened or given on, without the time on hold.
void hasten(state::Task& task, const Domain& domain, Time now);
void stop_clock(state::Task& task, const Domain& domain, Time now);
// `since`: when the hold began.
void resume_clock(state::Task& task, const Domain& domain, Time since, Time now);
void end_clock(state::Task& task, Time now);

// When something happens by itself next; 0: nothing will.
std::int64_t next_timer_ms(const state::Task& task, const Domain& domain);
// Lets that happen, at the time it was due.
void fire(state::Task& task, Time due, const Domain& domain, CaseBook& book, stage::Context& context);

}  // namespace echoloop::casework

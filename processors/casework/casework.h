// CASEWORK, the third stage: tasks. Reads topic cases (findings of INSIGHT, signals of SESSIONS, commands of people);
// keeps one task per cause with its exact count, routes it, and lets people work on it by the table of lifecycle.h.
#pragma once

#include <memory>

#include "pipeline/stage/processor.h"
#include "processors/casework/case_book.h"
#include "schemas/current_domain.h"
#include "schemas/event.h"

namespace echoloop::casework {

stage::StageSpec casework_stage(std::shared_ptr<const CurrentDomain> domain);

// What reaches it; one file each.
void take_finding(const state::Finding& finding, const Domain& domain, CaseBook& book, stage::Context& context);
void take_signal(const state::CaseSignal& signal, const Domain& domain, CaseBook& book, stage::Context& context);
// `event` is the record's, a TaskCommand.
void take_command(const stage::Record& record, const Event& event, const Domain& domain, CaseBook& book,
                  stage::Context& context);

void take_verdict(const state::Verdict& verdict, const Domain& domain, CaseBook& book, stage::Context& context);

// The source of commands that come by HTTP: their senders wait for the answer.
inline constexpr std::string_view kApiSource = "/echoloop/api";

// Tells whether two commands of one id are the same: a hash of the task and of all that the person says, whatever the
// state it rests on and when it was sent. Of two that differ the second is not carried out.
std::string command_fingerprint(const TaskCommand& command);

}  // namespace echoloop::casework

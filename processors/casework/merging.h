// Merging and splitting by people. A task that is merged into another keeps its state; its evidence counts for the
// other one, its clock stands still, and when the other ends it ends with it. Sessions that are split off get a task of
// their own; the numbers of the cause stay what they are.
#pragma once

#include <string>
#include <vector>

#include "pipeline/stage/processor.h"
#include "processors/casework/case_book.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

inline constexpr std::size_t kSample_max = 10;

// Why it cannot be done; empty: it is done.
std::string merge(state::Task& task, std::string_view into, std::string_view by, CaseBook& book,
                  stage::Context& context);
// `made` becomes the id of the new task.
std::string split(state::Task& task, std::vector<std::string> sessions, std::string_view by, CaseBook& book,
                  stage::Context& context, std::string& made);

// The task's own count, and its own sessions to show, are these now: also where it is merged into.
void set_evidence(state::Task& task, std::int64_t count, const std::vector<std::string>& sample, CaseBook& book,
                  stage::Context& context);
// What was merged into a task that has just ended ends with it.
void end_merged(const state::Task& task, CaseBook& book, stage::Context& context);
// The task has a life of its own again.
void leave_merged(state::Task& task, CaseBook& book, stage::Context& context);

}  // namespace echoloop::casework

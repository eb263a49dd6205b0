// Verified closure, the part of the stage: when an improvement task's customers have been told it waits until the weeks
// after the action are over. Whoever reads the numbers then (pipeline/serving/verify.h) says a verdict, as a record
// like any other, and the task goes on by it.
#pragma once

#include "pipeline/stage/processor.h"
#include "processors/casework/case_book.h"
#include "schemas/domain.h"

namespace echoloop::casework {

inline constexpr std::int64_t kWeek_days = 7;

// Sets which weeks are compared, and notes in table verifications when they are whole.
void begin_verification(state::Task& task, const Domain& domain, CaseBook& book, stage::Context& context);

}  // namespace echoloop::casework

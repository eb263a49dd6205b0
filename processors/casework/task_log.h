// What happened to the tasks of a department, by time: what came, what ended, what proved. A week is read by a seek,
// however many tasks there are. Pure but for the row.
#pragma once

#include <string>
#include <string_view>

#include "pipeline/stage/processor.h"
#include "schemas/state.pb.h"

namespace echoloop::casework {

// Words of the log, each with its detail.
inline constexpr std::string_view kCame = "came";      // to the department, opened there or handed on to it; kind
inline constexpr std::string_view kEnded = "ended";    // there; state
inline constexpr std::string_view kProved = "proved";  // the work of the department; verdict

// Writes a row of table task_log: once for the same moment, however often.
void log_task(const state::Task& task, std::string_view word, std::string_view detail, Time now,
              stage::Context& context);

// Where the rows of that word begin that are not older; the task's id follows in each.
std::string log_key_from(std::string_view tenant, std::string_view department, std::string_view word, Time from);
// Of the key of a row.
std::string logged_task(std::string_view key);

}  // namespace echoloop::casework

// Causes as answers find them. Read only; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/serving/sources.h"
#include "schemas/domain.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// All that (rule, scope) has met; none: no window ever held.
Result<std::optional<state::Cause>> find_cause(const std::string& tenant, const std::string& rule,
                                               const std::vector<std::string>& scope, const Sources& sources);

// Of the windows of the task's cause, those that count for it: an earlier task of the same cause has its own. By start.
Result<std::vector<state::Cause::Window>> windows_of(const state::Task& task, const Sources& sources);

// Sessions that are evidence in a window of a rule's scope now, sorted. Error: rows that cannot be read.
Result<std::vector<std::string>> evidence_of(const state::Task& task, const ThresholdRule& rule, std::int64_t window_ms,
                                             const Sources& sources);

}  // namespace echoloop::serving

// Causes as answers find them. Read only; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

// All that (rule, scope) has met; none: no window ever held.
Result<std::optional<state::Cause>> find_cause(const std::string& tenant, const std::string& rule,
                                               const std::vector<std::string>& scope, const Sources& sources);

}  // namespace echoloop::serving

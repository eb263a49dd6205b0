// Why a task is there: its rule, the windows that satisfied it with their numbers as kept and as they are now, or the
// session it is about; how it was routed (F39). Read only; safe from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "pipeline/serving/sources.h"
#include "schemas/state.pb.h"

namespace echoloop::serving {

Result<nlohmann::ordered_json> explain_task(const state::Task& task, const Sources& sources, const Domain& domain);

}  // namespace echoloop::serving

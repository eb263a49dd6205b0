// What verdicts come to, as every answer about them has it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "schemas/state.pb.h"

namespace echoloop::serving {

// Counts of verdicts, and the share of improved among those that the numbers allowed: numerator, n, value, interval.
// Pure.
nlohmann::ordered_json effect_numbers(const state::Effects& seen);

}  // namespace echoloop::serving

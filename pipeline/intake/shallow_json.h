// JSON from strangers that is written anew: nlohmann::json reads any depth, but writes by recursion, and a body of 16
// MiB can hold millions of levels. Pure; any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

#include "pipeline/base/result.h"

namespace echoloop {

inline constexpr int kJsonDepth_max = 256;  // as deep as jq 1.6 reads

// Keys stay in their order. Error (bad_input): no JSON, or nested deeper.
Result<nlohmann::ordered_json> parse_shallow_json(std::string_view text);

}  // namespace echoloop

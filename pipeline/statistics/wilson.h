// The interval of a rate: Wilson's score interval without continuity correction. Pure; safe from any thread.
// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927) 209–212;
// R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven methods", Statistics
// in Medicine 17 (1998) 857–872, method 3.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/statistics/interval.h"

namespace echoloop::statistics {

// x of n, as fractions in [0, 1]; exactly 0 below when x = 0, exactly 1 above when x = n. None unless n > 0 and 0 ≤ x ≤
// n.
std::optional<ConfidenceInterval> wilson_interval(std::int64_t x, std::int64_t n, double level = 0.95);

}  // namespace echoloop::statistics

// What a number would be at worst and at best if everybody had answered: bounds that assume nothing about those who did
// not. Not a confidence interval: they do not shrink with n, only with the response. Pure; safe from any thread.
// Source: C. F. Manski, "Nonparametric bounds on treatment effects", American Economic Review 80 (1990) 319–323; J. L.
// Horowitz and C. F. Manski, "Censoring of outcomes and regressors due to survey nonresponse", Journal of Econometrics
// 84 (1998) 37–58.
#pragma once

#include <cstdint>
#include <optional>

namespace echoloop::statistics {

struct WorstBest {
  double low = 0, high = 0;
};

// A rate: x of n answers among `eligible` who could have answered: all the silent say no … all say yes. Fewer eligible
// than answers count as n. None unless 0 ≤ x ≤ n and anybody was eligible.
std::optional<WorstBest> rate_bounds(std::int64_t x, std::int64_t n, std::int64_t eligible);

// A mean on a scale from min to max, in the unit of `mean`: all the silent at min … at max. None unless n ≥ 0, min ≤
// max and anybody was eligible.
std::optional<WorstBest> mean_bounds(double mean, std::int64_t n, std::int64_t eligible, double min, double max);

}  // namespace echoloop::statistics

// Net promoter score: promoters − detractors in points of 100, and a score interval around it. Pure; safe from any
// thread.
//
// NPS is a difference of two multinomial proportions (Goodman 1965) with variance (p₊ + p₋ − (p₊ − p₋)²)/n. The
// interval holds every difference θ that a score test does not reject, with p₊ + p₋ estimated by maximum likelihood
// under p₊ − p₋ = θ: Wilson's idea for a difference. It stays inside ±100, is not symmetric near the ends, and has a
// width even when everybody is passive, where the plain formula claims certainty. Source: T. Tango, "Equivalence test
// and confidence interval for the difference in proportions for the paired-sample design", Statistics in Medicine 17
// (1998) 891–908, with promoters and detractors as the discordant counts; recommended for NPS by B. Rocks, "Interval
// estimation for the Net Promoter Score", The American Statistician 70 (2016) 365–372.
#pragma once

#include <cstdint>
#include <optional>

#include "pipeline/statistics/bounds.h"
#include "pipeline/statistics/interval.h"

namespace echoloop::statistics {

struct NetPromoterScore {
  double value = 0;  // −100 … 100
  ConfidenceInterval interval;
};

// None unless n > 0, both counts ≥ 0 and their sum ≤ n.
std::optional<NetPromoterScore> net_promoter_score(std::int64_t promoters, std::int64_t detractors, std::int64_t n,
                                                   double level = 0.95);

// What it would be at worst and at best if everybody eligible had answered (bounds.h): all the silent detractors … all
// promoters. Fewer eligible than answers count as n. None unless anybody was eligible and the counts fit.
std::optional<WorstBest> nps_bounds(std::int64_t promoters, std::int64_t detractors, std::int64_t n,
                                    std::int64_t eligible);

}  // namespace echoloop::statistics

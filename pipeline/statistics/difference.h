// Difference in differences of proportions: did a rate change more than it changed elsewhere in the same time? Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pipeline/statistics/interval.h"

namespace echoloop::statistics {

struct Proportion {
  std::int64_t x = 0, n = 0;
};

// One entry a period, all of one length (a week, so that the rhythm of the week cancels).
struct BeforeAfter {
  std::vector<Proportion> before, after;
};

struct Difference {
  double before = 0, after = 0;              // the group's rates
  double other_before = 0, other_after = 0;  // the comparison's
  double effect = 0;                         // (after − before) − (other_after − other_before)
  ConfidenceInterval interval;               // of the effect
  double overdispersion = 1;                 // φ: how much more the periods vary than chance alone would have it
  int degrees = 0;                           // of freedom of φ and of the t distribution
};

// Linear difference in differences (Angrist & Pischke, Mostly Harmless Econometrics, 5.2) of pooled rates. The variance
// of each rate is quasi-binomial (McCullagh & Nelder, Generalized Linear Models, 4.5): φ·p(1−p)/n, with φ from
// Pearson's χ² of the periods around their own rate over its degrees of freedom, at least 1; the interval is Student's
// t with these. None: a part without answers, or no degree of freedom.
std::optional<Difference> difference_in_differences(const BeforeAfter& group, const BeforeAfter& other, double level);

struct Change {
  double value = 0;  // mean after − mean before
  ConfidenceInterval interval;
};

// Of a number that each period has one of: the difference of the means with Welch's interval (Biometrika 34, 1947;
// degrees of freedom by Satterthwaite). None: a side with fewer than two.
std::optional<Change> change_of_means(const std::vector<double>& before, const std::vector<double>& after,
                                      double level);

// Whether both moved alike before: t of the slope of (group − other) over the periods, by least squares; none with
// fewer than four periods that both have answers in.
std::optional<double> slope_t(const std::vector<Proportion>& group, const std::vector<Proportion>& other);

}  // namespace echoloop::statistics

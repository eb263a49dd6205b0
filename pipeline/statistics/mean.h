// The mean of counted values and Student's t interval around it: x̄ ± t(n − 1) · s / √n. Exact for normal values and
// good for scores on a bounded scale once n is not small, which is why small samples are suppressed. Pure; safe from
// any thread. Source: Student, "The probable error of a mean", Biometrika 6 (1908) 1–25.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "pipeline/statistics/interval.h"

namespace echoloop::statistics {

struct ValueCount {
  std::int64_t value = 0;
  std::int64_t n = 0;  // ≥ 0
};

// In the unit of the values.
struct Mean {
  double value = 0;
  std::int64_t n = 0;
  std::optional<double> variance;              // s², none for n < 2
  std::optional<ConfidenceInterval> interval;  // none for n < 2
};

// None without any value.
std::optional<Mean> mean_of(std::span<const ValueCount> histogram, double level = 0.95);

}  // namespace echoloop::statistics

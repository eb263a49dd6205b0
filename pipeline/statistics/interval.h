// An interval of confidence around an estimate, in the unit of the estimate.
#pragma once

namespace echoloop::statistics {

struct ConfidenceInterval {
  double low = 0, high = 0;
  friend bool operator==(const ConfidenceInterval&, const ConfidenceInterval&) = default;
};

// The level of every interval that users are shown.
inline constexpr double kUsual_level = 0.95;

// z with P(|Z| ≤ z) = level for a standard normal Z: 1.95996 at 0.95. 0 < level < 1.
double normal_quantile(double level);

}  // namespace echoloop::statistics

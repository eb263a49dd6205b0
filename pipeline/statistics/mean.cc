#include "pipeline/statistics/mean.h"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace echoloop::statistics {

std::optional<Mean> mean_of(std::span<const ValueCount> histogram, double level) {
  __extension__ using Wide = __int128;
  Wide sum = 0;
  std::int64_t n = 0;
  for (const ValueCount& entry : histogram) {
    sum += static_cast<Wide>(entry.value) * entry.n;
    n += entry.n;
  }
  if (n <= 0) return std::nullopt;
  const long double size = static_cast<long double>(n);
  const long double mean = static_cast<long double>(sum) / size;
  Mean out{.value = static_cast<double>(mean), .n = n, .variance = std::nullopt, .interval = std::nullopt};
  if (n < 2) return out;
  // Deviations from the mean, not sums of squares: those would cancel when the values are large and close together.
  long double squares = 0;
  for (const ValueCount& entry : histogram) {
    const long double away = static_cast<long double>(entry.value) - mean;
    squares += away * away * static_cast<long double>(entry.n);
  }
  const double variance = static_cast<double>(squares / (size - 1));
  const boost::math::students_t student{static_cast<double>(n - 1)};
  const double half = boost::math::quantile(student, 0.5 + level / 2) * std::sqrt(variance / static_cast<double>(n));
  out.variance = variance;
  out.interval = ConfidenceInterval{out.value - half, out.value + half};
  return out;
}

}  // namespace echoloop::statistics

#include "pipeline/statistics/wilson.h"

#include <boost/math/distributions/normal.hpp>
#include <cmath>

namespace echoloop::statistics {

double normal_quantile(double level) { return boost::math::quantile(boost::math::normal{}, 0.5 + level / 2); }

std::optional<ConfidenceInterval> wilson_interval(std::int64_t x, std::int64_t n, double level) {
  if (n <= 0 || x < 0 || x > n) return std::nullopt;
  const double z = normal_quantile(level);
  const double size = static_cast<double>(n), p = static_cast<double>(x) / size;
  const double scale = 1 + z * z / size;
  const double centre = (p + z * z / (2 * size)) / scale;
  const double half = z * std::sqrt(p * (1 - p) / size + z * z / (4 * size * size)) / scale;
  return ConfidenceInterval{x == 0 ? 0 : centre - half, x == n ? 1 : centre + half};
}

}  // namespace echoloop::statistics

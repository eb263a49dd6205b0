#include "pipeline/statistics/nps.h"

#include <algorithm>
#include <cmath>

namespace echoloop::statistics {
namespace {

// The standardised distance of the observed difference from theta: falls as theta rises.
double score(double promoters, double detractors, double n, double theta) {
  // Tango's restricted maximum likelihood estimate of the proportion of detractors.
  const double b = (2 * n - promoters + detractors) * theta - promoters - detractors;
  const double c = -detractors * theta * (1 - theta);
  const double root = std::sqrt(std::max(0.0, b * b - 8 * n * c));
  // The form of the larger root that does not cancel.
  double q = b > 0 ? (b + root > 0 ? -2 * c / (b + root) : 0) : (root - b) / (4 * n);
  q = std::clamp(q, std::max(0.0, -theta), std::max(std::max(0.0, -theta), (1 - theta) / 2));
  const double variance = n * (2 * q + theta * (1 - theta));
  const double distance = promoters - detractors - n * theta;
  if (variance <= 0) return distance == 0 ? 0 : std::copysign(HUGE_VAL, distance);
  return distance / std::sqrt(variance);
}

// One division, so that it is the double nearest to the exact number.
double points(std::int64_t difference, std::int64_t n) {
  return static_cast<double>(100 * difference) / static_cast<double>(n);
}

}  // namespace

std::optional<NetPromoterScore> net_promoter_score(std::int64_t promoters, std::int64_t detractors, std::int64_t n,
                                                   double level) {
  if (n <= 0 || promoters < 0 || detractors < 0 || promoters > n - detractors) return std::nullopt;
  const double z = normal_quantile(level);
  const double x = static_cast<double>(promoters), y = static_cast<double>(detractors), size = static_cast<double>(n);
  const double value = (x - y) / size;
  // Where the score passes `target`, between a theta whose score lies above it and one whose score does not.
  const auto solve = [&](double above, double below, double target) {
    for (int i = 0; i < 64; ++i) {
      const double middle = (above + below) / 2;
      (score(x, y, size, middle) > target ? above : below) = middle;
    }
    return (above + below) / 2;
  };
  NetPromoterScore out;
  out.value = points(promoters - detractors, n);
  out.interval.low = detractors == n ? -100 : 100 * solve(-1, value, z);
  out.interval.high = promoters == n ? 100 : 100 * solve(value, 1, -z);
  return out;
}

std::optional<WorstBest> nps_bounds(std::int64_t promoters, std::int64_t detractors, std::int64_t n,
                                    std::int64_t eligible) {
  const std::int64_t all = std::max(n, eligible), silent = all - n;
  if (promoters < 0 || detractors < 0 || promoters > n - detractors || all <= 0) return std::nullopt;
  return WorstBest{points(promoters - detractors - silent, all), points(promoters - detractors + silent, all)};
}

}  // namespace echoloop::statistics

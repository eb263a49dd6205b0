#include "pipeline/statistics/bounds.h"

#include <algorithm>

namespace echoloop::statistics {

std::optional<WorstBest> rate_bounds(std::int64_t x, std::int64_t n, std::int64_t eligible) {
  const std::int64_t all = std::max(n, eligible);
  if (x < 0 || x > n || all <= 0) return std::nullopt;
  const double size = static_cast<double>(all);
  return WorstBest{static_cast<double>(x) / size, static_cast<double>(x + (all - n)) / size};
}

std::optional<WorstBest> mean_bounds(double mean, std::int64_t n, std::int64_t eligible, double min, double max) {
  const std::int64_t all = std::max(n, eligible);
  if (n < 0 || min > max || all <= 0) return std::nullopt;
  const double answered = n == 0 ? 0 : mean * static_cast<double>(n);
  const double silent = static_cast<double>(all - n), size = static_cast<double>(all);
  return WorstBest{(answered + silent * min) / size, (answered + silent * max) / size};
}

}  // namespace echoloop::statistics

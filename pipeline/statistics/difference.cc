#include "pipeline/statistics/difference.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace echoloop::statistics {
namespace {

struct Pooled {
  double rate = 0, variance = 0;  // of the rate, by chance alone
  double chi_squared = 0;         // of the periods around it
  int degrees = 0;
};

std::optional<Pooled> pool(const std::vector<Proportion>& periods) {
  double x = 0, n = 0;
  int filled = 0;
  for (const Proportion& one : periods) {
    x += static_cast<double>(one.x);
    n += static_cast<double>(one.n);
    filled += one.n > 0;
  }
  if (n <= 0) return std::nullopt;
  Pooled out;
  out.rate = x / n;
  // A rate of 0 or 1 has a variance too (Agresti & Caffo 2000: one more of each).
  const double smoothed = (x + 1) / (n + 2);
  out.variance = smoothed * (1 - smoothed) / n;
  out.degrees = filled - 1;
  const double spread = out.rate * (1 - out.rate);
  for (const Proportion& one : periods) {
    if (one.n <= 0 || spread <= 0) continue;
    const double size = static_cast<double>(one.n), away = static_cast<double>(one.x) - size * out.rate;
    out.chi_squared += away * away / (size * spread);
  }
  return out;
}

}  // namespace

std::optional<Difference> difference_in_differences(const BeforeAfter& group, const BeforeAfter& other, double level) {
  const auto a = pool(group.before), b = pool(group.after), c = pool(other.before), d = pool(other.after);
  if (!a || !b || !c || !d) return std::nullopt;
  Difference out;
  out.before = a->rate;
  out.after = b->rate;
  out.other_before = c->rate;
  out.other_after = d->rate;
  out.effect = (b->rate - a->rate) - (d->rate - c->rate);
  out.degrees = a->degrees + b->degrees + c->degrees + d->degrees;
  if (out.degrees < 1) return std::nullopt;
  const double chi_squared = a->chi_squared + b->chi_squared + c->chi_squared + d->chi_squared;
  out.overdispersion = std::max(1.0, chi_squared / out.degrees);
  const double error = std::sqrt(out.overdispersion * (a->variance + b->variance + c->variance + d->variance));
  const double t = boost::math::quantile(boost::math::students_t{static_cast<double>(out.degrees)}, 0.5 + level / 2);
  out.interval = {out.effect - t * error, out.effect + t * error};
  return out;
}

std::optional<Change> change_of_means(const std::vector<double>& before, const std::vector<double>& after,
                                      double level) {
  struct Side {
    double mean = 0, error2 = 0, degrees = 0;  // error2: of the mean, squared
  };
  const auto side = [](const std::vector<double>& values) {
    Side out;
    const auto n = static_cast<double>(values.size());
    for (double value : values) out.mean += value / n;
    for (double value : values) out.error2 += (value - out.mean) * (value - out.mean) / (n - 1) / n;
    out.degrees = n - 1;
    return out;
  };
  if (before.size() < 2 || after.size() < 2) return std::nullopt;
  const Side a = side(before), b = side(after);
  const double error2 = a.error2 + b.error2, value = b.mean - a.mean;
  if (error2 <= 0) return Change{value, {value, value}};
  const double degrees = error2 * error2 / (a.error2 * a.error2 / a.degrees + b.error2 * b.error2 / b.degrees);
  const double t = boost::math::quantile(boost::math::students_t{degrees}, 0.5 + level / 2);
  return Change{value, {value - t * std::sqrt(error2), value + t * std::sqrt(error2)}};
}

std::optional<double> slope_t(const std::vector<Proportion>& group, const std::vector<Proportion>& other) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < std::min(group.size(), other.size()); ++i) {
    if (group[i].n <= 0 || other[i].n <= 0) continue;
    points.emplace_back(static_cast<double>(i), static_cast<double>(group[i].x) / static_cast<double>(group[i].n) -
                                                    static_cast<double>(other[i].x) / static_cast<double>(other[i].n));
  }
  const auto n = static_cast<double>(points.size());
  if (points.size() < 4) return std::nullopt;
  double mean_x = 0, mean_y = 0;
  for (const auto& [x, y] : points) {
    mean_x += x / n;
    mean_y += y / n;
  }
  double xx = 0, xy = 0;
  for (const auto& [x, y] : points) {
    xx += (x - mean_x) * (x - mean_x);
    xy += (x - mean_x) * (y - mean_y);
  }
  const double slope = xy / xx;
  double left = 0;
  for (const auto& [x, y] : points) left += std::pow(y - mean_y - slope * (x - mean_x), 2);
  if (left <= 0) return slope == 0 ? 0.0 : std::copysign(1e9, slope);
  return slope / std::sqrt(left / (n - 2) / xx);
}

}  // namespace echoloop::statistics

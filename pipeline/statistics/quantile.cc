#include "pipeline/statistics/quantile.h"

#include <algorithm>
#include <cmath>

namespace echoloop::statistics {

std::optional<double> quantile(std::span<const BinCount> bins, double q) {
  std::int64_t n = 0;
  for (const BinCount& bin : bins) n += bin.n;
  if (n <= 0) return std::nullopt;
  // 0.07 · 100 is a little more than 7 in binary: a hair below does not lift the rank.
  const double exact = q * static_cast<double>(n);
  const std::int64_t rank = std::clamp<std::int64_t>(static_cast<std::int64_t>(std::ceil(exact - 1e-9 * exact)), 1, n);
  std::int64_t below = 0;
  for (const BinCount& bin : bins) {
    if (below + bin.n < rank) {
      below += bin.n;
      continue;
    }
    const double share = (static_cast<double>(rank - below) - 0.5) / static_cast<double>(bin.n);
    return static_cast<double>(bin.low) + static_cast<double>(bin.high - 1 - bin.low) * share;
  }
  return std::nullopt;
}

}  // namespace echoloop::statistics

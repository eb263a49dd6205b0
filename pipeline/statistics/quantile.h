// Quantiles of a histogram: the value of rank ⌈q·n⌉, placed inside its bin as if the bin's values were spread evenly.
// Exact where bins hold one value; otherwise off by less than the width of the bin (log-linear bins of 64 an octave:
// 1/64 of the value). Pure; safe from any thread. Source: the inverse of the empirical distribution function, type 1 of
// R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996) 361–365.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace echoloop::statistics {

// Integer values low ≤ v < high.
struct BinCount {
  std::uint64_t low = 0, high = 0;
  std::int64_t n = 0;  // ≥ 0
};

// Bins by rising low, not overlapping; 0 ≤ q ≤ 1. None when all are empty.
std::optional<double> quantile(std::span<const BinCount> bins, double q);

}  // namespace echoloop::statistics

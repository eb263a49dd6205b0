// The built-in sample: a believable month of a retailer and its insurance subsidiary, as canonical NDJSON in the order
// of arrival, with planted faults that echoloop should find (docs/sample.md says which, when and where); or a season of
// them, with a past before the faults and weeks after the work on them. The same
// options give the same bytes on every machine: integers only, its own random numbers, no clock.
#pragma once

#include <cstdint>
#include <ostream>

namespace echoloop {

struct SampleOptions {
  std::uint64_t seed = 1;
  std::int64_t sessions = 30'000;
  std::int64_t from_day =
      20'513;  // 2026-03-01, days since 1970-01-01; begins at midnight in Shanghai, where both companies are
  std::int64_t days = 30;
};

// Memory: the events of the last few days, for those that arrive late. `out` tells of its failure by its own state.
void write_sample(std::ostream& out, const SampleOptions& options);

}  // namespace echoloop

// A cube row as bytes: the sparse form of Measures, and merging two of them without making either. Most rows that an
// epoch touches gain a session or two, so that what INSIGHT does is mostly this.
//
// Number of counters and bins, their entries by rising id, then scores by point to the end: kind, min, max, value, n.
// An entry is how far its id lies above the last one, with a bit for the commonest value, 1, which is then not written.
// Nothing for an empty cell. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pipeline/aggregates/measures.h"

namespace echoloop::aggregates {

// Ids on disk: counters below kFirstBin, then the bins of each timing.
inline constexpr std::uint32_t kFirstBin = 1024;
inline constexpr std::uint32_t kBinsPerTiming = 4096;
inline constexpr std::uint32_t kTimings = 3;
inline constexpr std::uint32_t kIds_end = kFirstBin + kTimings * kBinsPerTiming;
inline constexpr std::uint8_t kScoreKinds = 3;
static_assert(kCounters <= kFirstBin);
static_assert(bin_of(~0ULL) < kBinsPerTiming);

constexpr std::uint32_t id_of(Timing timing, std::uint32_t bin) {
  return kFirstBin + static_cast<std::uint32_t>(timing) * kBinsPerTiming + bin;
}

// Appends rows, one at a time; keeps its memory from one to the next. Entries by rising id, then scores by rising
// point; zeros are left out by the caller.
class RowWriter {
 public:
  void entry(std::uint32_t id, std::int64_t n);
  void score(const ScorePoint& point, std::int64_t n);
  bool empty() const { return count_ == 0 && scores_.empty(); }
  // Writes what was given to the end of `out`, and begins anew.
  void finish(std::string& out);

 private:
  std::string entries_, scores_;
  std::uint64_t count_ = 0;
  std::uint32_t last_ = 0;
};

// Replaces `out` by the sum of two rows; empty when nothing is left. False: one of them is malformed.
bool merge_rows(std::string_view a, std::string_view b, std::string& out);

}  // namespace echoloop::aggregates

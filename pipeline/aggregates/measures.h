// Measures: what a cube cell counts. Integers only, so that merging and subtracting are exact and any order gives the
// same bytes. A cell is a sparse vector of (measure id → int64). The counters have fixed ids; histogram bins and scores
// have ids made from their parts. The meaning of each measure is written down in docs/aggregates.md, which the
// independent oracle follows too.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace echoloop::aggregates {

// X(id, name). The ids lie on disk: append, never renumber.
// clang-format off
#define ECHOLOOP_COUNTERS(X)                                                                                  \
  X(0, unknown_unanswered) X(1, unknown_yes) X(2, unknown_no)                                                 \
  X(3, resolved_unanswered) X(4, resolved_yes) X(5, resolved_no)                                              \
  X(6, unresolved_unanswered) X(7, unresolved_yes) X(8, unresolved_no)                                        \
  X(9, answered) X(10, invited) X(11, not_reached) X(12, evaluations)                                         \
  X(13, csat_n) X(14, csat_top) X(15, csat_bottom)                                                            \
  X(16, nps_n) X(17, nps_promoters) X(18, nps_detractors)                                                     \
  X(19, ces_n) X(20, ces_sum)                                                                                 \
  X(21, answers) X(22, answers_skipped)                                                                       \
  X(23, handle_n) X(24, handle_ms) X(25, queue_n) X(26, queue_ms) X(27, first_reply_n) X(28, first_reply_ms)  \
  X(29, all_sessions) X(30, all_csat_n) X(31, all_csat_top) X(32, all_csat_bottom)                            \
  X(33, weighted_ms) X(34, weighted_csat_ms) X(35, weighted_csat_top_ms) X(36, weighted_csat_bottom_ms)
// clang-format on

enum class Counter : std::uint8_t {
#define ECHOLOOP_ENUM(id, name) name = id,
  ECHOLOOP_COUNTERS(ECHOLOOP_ENUM)
#undef ECHOLOOP_ENUM
};
inline constexpr std::size_t kCounters = 37;
std::string_view name_of(Counter counter);

// The times that carry a histogram.
enum class Timing : std::uint8_t { handle = 0, queue = 1, first_reply = 2 };
std::string_view name_of(Timing timing);
enum class ScoreKind : std::uint8_t { csat = 0, nps = 1, ces = 2 };
std::string_view name_of(ScoreKind kind);

// Log-linear bins, 64 an octave, by shifts only: exact below 64, above within 1/64. Same bins on every machine.
constexpr std::uint32_t bin_of(std::uint64_t ms) {
  if (ms < 64) return static_cast<std::uint32_t>(ms);
  int shift = 57 - __builtin_clzll(ms);
  return static_cast<std::uint32_t>(((shift + 1) << 6) | ((ms >> shift) & 63));
}
// Smallest value of a bin, and the smallest above it.
constexpr std::uint64_t bin_low(std::uint32_t bin) {
  if (bin < 64) return bin;
  int shift = static_cast<int>(bin >> 6) - 1;
  return (64ULL | (bin & 63)) << shift;
}
constexpr std::uint64_t bin_high(std::uint32_t bin) { return bin_low(bin + 1); }

// A score as it stood on its own scale; thousandths.
struct ScorePoint {
  ScoreKind kind{};
  std::int64_t min = 0, max = 0, value = 0;
  friend auto operator<=>(const ScorePoint&, const ScorePoint&) = default;
  template <class H>
  friend H AbslHashValue(H h, const ScorePoint& p) {
    return H::combine(std::move(h), p.kind, p.min, p.max, p.value);
  }
};

// One cell. Counters are dense (the hot path adds them), bins and scores sorted and sparse. Zero entries never stay.
// Sums wrap at 64 bits, so that whatever was added can be subtracted again. A value; const functions are safe from any
// thread.
class Measures {
 public:
  void add(Counter counter, std::int64_t by) {
    std::int64_t& n = counters_[static_cast<std::size_t>(counter)];
    n = static_cast<std::int64_t>(static_cast<std::uint64_t>(n) + static_cast<std::uint64_t>(by));
  }
  std::int64_t get(Counter counter) const { return counters_[static_cast<std::size_t>(counter)]; }
  // Nothing counted any more; what memory it has stays.
  void clear();
  void add_time(Timing timing, std::uint32_t bin, std::int64_t by);
  void add_score(const ScorePoint& point, std::int64_t by);

  // Adds `sign` times the other cell: 1 or -1.
  void merge(const Measures& other, std::int64_t sign = 1);
  void merge_counters(const Measures& other);  // without bins and scores
  bool empty() const;                          // every measure is zero
  // Sessions counted: every session falls into exactly one of the nine agent × customer resolution counters.
  std::int64_t sessions() const;

  struct Bin {
    Timing timing{};
    std::uint32_t bin = 0;
    std::int64_t n = 0;
    friend bool operator==(const Bin&, const Bin&) = default;
  };
  struct ScoreCount {
    ScorePoint point;
    std::int64_t n = 0;
    friend bool operator==(const ScoreCount&, const ScoreCount&) = default;
  };
  std::span<const Bin> bins() const { return bins_; }             // sorted by (timing, bin)
  std::span<const ScoreCount> scores() const { return scores_; }  // sorted by point

  // Sparse varints, one form for each cell, nothing for an empty one. parse replaces what the cell holds; on malformed
  // bytes it answers false and leaves the cell empty.
  std::string bytes() const;
  bool parse(std::string_view bytes);

  // Canonical JSON object for `export aggregates`: keys sorted, zeros left out (docs/aggregates.md).
  std::string json() const;

  friend bool operator==(const Measures&, const Measures&) = default;

 private:
  std::array<std::int64_t, kCounters> counters_{};
  std::vector<Bin> bins_;
  std::vector<ScoreCount> scores_;
};

}  // namespace echoloop::aggregates

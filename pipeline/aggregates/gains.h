// What sessions add to cells, and sums of it as cube rows. A session stands in dozens of cells and adds the same to
// most of them: its gain is made ready once, cells name it by a number, and only when rows are wanted is it added up.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pipeline/aggregates/measures.h"
#include "pipeline/aggregates/row.h"

namespace echoloop::aggregates {

// Not thread-safe.
class Gains {
 public:
  // A gain in a sum, or taken out of it.
  class Term {
   public:
    Term(std::uint32_t gain, int sign) : code_(gain << 1 | (sign < 0 ? 1 : 0)) {}
    std::uint32_t gain() const { return code_ >> 1; }
    std::uint64_t sign() const { return (code_ & 1) != 0 ? ~std::uint64_t{0} : 1; }  // sums wrap
    friend bool operator==(const Term&, const Term&) = default;

   private:
    std::uint32_t code_;
  };

  // A number for the gain; holds until clear().
  std::uint32_t add(const Measures& measures);
  // The sum of the terms, zeros left out, as far as `row` is finished by the caller.
  void put_sum(std::span<const Term> terms, RowWriter& row);
  // Here is as much as should be held at a time: clear.
  bool full() const { return gains_.size() >= kGains_max || points_.size() >= kPoints_max; }
  void clear();

 private:
  static constexpr std::size_t kGains_max = 64 * 1024;   // some 150 bytes each
  static constexpr std::size_t kPoints_max = 32 * 1024;  // their numbers share 16 bits with those of bins

  struct Count {
    std::int64_t n;
    std::uint8_t id;
  };
  // How often a bin or a score point was met; bins from 0, points by their number behind them.
  struct Entry {
    std::uint16_t id;
    std::int16_t n;
  };
  // Places in counts_ and entries_.
  struct Gain {
    std::uint64_t mask;  // of the counters
    std::uint32_t counts, counts_n, entries, entries_n;
  };

  std::span<const Entry> entries_of(const Gain& gain) const { return {entries_.data() + gain.entries, gain.entries_n}; }
  void log(std::uint32_t id, std::int64_t n);
  void put_few(std::span<const Term> terms, RowWriter& row);
  void put_many(std::span<const Term> terms, RowWriter& row);
  void put_entry(std::uint32_t id, std::uint64_t n, RowWriter& row);

  std::vector<Gain> gains_;
  std::vector<Count> counts_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<ScorePoint, std::uint16_t> point_numbers_;
  std::vector<ScorePoint> points_;

  // Of the sum under way.
  std::vector<std::pair<std::uint32_t, std::uint64_t>> few_;
  std::vector<std::uint64_t> sums_;             // by entry id; all zero in between, like …
  std::vector<std::uint64_t> met_, met_words_;  // … a bit for each id that was met, and for each word of those
  std::vector<std::pair<ScorePoint, std::int64_t>> scores_;
};

}  // namespace echoloop::aggregates

// Deltas: what an epoch of a SESSIONS shard changes in the cube, summed in memory and packed into few records, each for
// one (tenant, dimension set), which are its key.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/inlined_vector.h>
#include <absl/container/node_hash_map.h>
#include <absl/functional/function_ref.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/aggregates/measures.h"
#include "pipeline/aggregates/row.h"
#include "pipeline/base/hash.h"

namespace echoloop::aggregates {

inline constexpr std::size_t kDeltaRecord_bytes_max = 256 * 1024;  // well under a broker's message limit

// What one session adds to each of the dozens of cells it stands in, made ready once: only what is not zero.
struct Gain {
  struct Entry {
    std::uint16_t id;  // as the packer numbers bins and scores
    std::int16_t n;
  };
  absl::InlinedVector<std::pair<std::uint8_t, std::int64_t>, 24> counters;
  absl::InlinedVector<Entry, 8> entries;
  std::uint64_t mask = 0;  // of the counters
};

// Not thread-safe. What it emits depends only on what was added, not on the order.
class DeltaPacker {
 public:
  explicit DeltaPacker(std::size_t record_bytes_max = kDeltaRecord_bytes_max);
  ~DeltaPacker();

  // A number for the name of a dimension set; holds for ever.
  std::uint32_t set_number(std::string_view name);
  // A number for a text, to name it in add(). Holds until the next flush.
  std::uint32_t intern(std::string_view text);
  // Holds until the next flush.
  Gain gain_of(const Measures& measures);

  // All cells of one tenant and bucket; the reference lives until the next flush.
  struct Sheet;
  Sheet& sheet(std::uint32_t tenant, std::int64_t bucket_ms);
  // Adds `sign` (1 or -1) times the gain to the cell of these values in a set. Texts are named by their numbers, so
  // that a session hashes each of its values once.
  void add(Sheet& sheet, std::uint32_t set, std::span<const std::uint32_t> values, const Gain& gain, int sign);
  // +1 when a session becomes evidence, −1 when it ceases to be. `key` as evidence_key() makes it.
  void evidence(std::string_view tenant, std::string_view set, std::string key, std::int64_t by);
  // Here is as much as should be held at a time: flush.
  bool full() const { return cells_.size() >= kCells_max || log_.size() >= kLog_max || points_.size() >= kPoints_max; }

  // Packed records in a fixed order, cells before evidence; then starts anew. What summed up to zero is left out. No
  // record is longer than record_bytes_max, unless a single key is: a cell that does not fit travels in parts.
  using Emit = absl::FunctionRef<void(std::string partition_key, std::string record)>;
  void flush(Emit emit);

 private:
  static constexpr std::size_t kCells_max = 16'384;      // some 300 bytes each
  static constexpr std::size_t kLog_max = 512 * 1024;    // 8 bytes each
  static constexpr std::size_t kPoints_max = 32 * 1024;  // their numbers share 16 bits with those of bins

  struct Cell {
    std::array<std::int64_t, kCounters> counters{};
    std::uint64_t mask = 0;                  // of the counters that anything was added to
    std::uint32_t values = 0, values_n = 0;  // place in values_
    std::uint32_t logged = 0;                // entries in the log
  };
  // How often a bin or score was added to a cell. They are sorted when they are packed: kept sorted, a large cell would
  // be moved about at every addition, a small one would need memory of its own.
  struct Logged {
    std::uint32_t cell;
    Gain::Entry entry;
  };
  struct Partition;  // what travels under one key

  std::uint64_t number_of(std::span<const std::uint32_t> values);
  void sort_log();
  bool precedes(std::uint32_t cell, std::uint32_t other) const;
  void put_row(const Cell& cell, std::span<Gain::Entry> entries, RowWriter& row);
  void clear();

  std::size_t record_bytes_max_;
  std::vector<std::string> sets_;                                                       // by number
  absl::node_hash_map<std::string, std::uint32_t, TextHash, std::equal_to<>> numbers_;  // of texts
  std::vector<std::string_view> texts_;                                                 // by number
  absl::flat_hash_map<std::pair<std::uint32_t, std::int64_t>, std::unique_ptr<Sheet>> sheets_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> pairs_;  // of numbers → one number above those of texts
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> values_;  // the numbers of each cell's values
  std::vector<Logged> log_;
  std::vector<std::size_t> ends_;    // of each cell's entries in …
  std::vector<Gain::Entry> sorted_;  // … the log by cell
  std::vector<std::int64_t> sums_;   // of one large cell by id; all zero in between
  absl::flat_hash_map<ScorePoint, std::uint16_t> point_numbers_;
  std::vector<ScorePoint> points_;
  absl::flat_hash_map<std::string, std::int64_t> evidence_;  // partition key, then evidence key
};

// Reads a packed record. False when the bytes are malformed; visits made before stand.
struct DeltaVisitor {
  // `cell` is the end of the cube key, bucket and values; its beginning is the record's key. `row` as in row.h.
  absl::FunctionRef<void(std::string_view cell, std::string_view row)> cell;
  absl::FunctionRef<void(std::string_view evidence_key, bool present)> evidence;
};
bool unpack(std::string_view record, const DeltaVisitor& visitor);

}  // namespace echoloop::aggregates

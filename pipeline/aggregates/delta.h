// Deltas: what an epoch of a SESSIONS shard changes in the cube, summed in memory and packed into few records, each for
// one (tenant, dimension set), which are its key.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/node_hash_map.h>
#include <absl/functional/function_ref.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/aggregates/gains.h"
#include "pipeline/aggregates/measures.h"
#include "pipeline/base/hash.h"

namespace echoloop::aggregates {

inline constexpr std::size_t kDeltaRecord_bytes_max = 256 * 1024;  // well under a broker's message limit

// Not thread-safe. What it emits depends only on what was added, not on the order.
class DeltaPacker {
 public:
  explicit DeltaPacker(std::size_t record_bytes_max = kDeltaRecord_bytes_max);
  ~DeltaPacker();

  // A number for the name of a dimension set; holds for ever.
  std::uint32_t set_number(std::string_view name);
  // A number for a text, to name it in add(). Holds until the next flush.
  std::uint32_t intern(std::string_view text);
  // A number for what a session adds. Holds until the next flush.
  std::uint32_t gain(const Measures& measures) { return gains_.add(measures); }

  // All cells of one tenant and bucket; the reference lives until the next flush.
  struct Sheet;
  Sheet& sheet(std::uint32_t tenant, std::int64_t bucket_ms);
  // Adds the gain to the cell of these values in a set, or takes it out (sign −1). All are named by their numbers, so
  // that a session hashes each of its values once. Answers the cell's number, which holds until the next flush.
  std::uint32_t add(Sheet& sheet, std::uint32_t set, std::span<const std::uint32_t> values, std::uint32_t gain,
                    int sign);
  // A number for a window of evidence, behind which the sessions travel with the set; `key` as evidence_from() makes
  // it. Holds until the next flush.
  std::uint32_t window(std::string_view tenant, std::uint32_t set, std::string_view key);
  // +1 when a session becomes evidence in the window, −1 when it ceases to be.
  void evidence(std::uint32_t window, std::string_view session_id, int by);
  // Here is as much as should be held at a time: flush.
  bool full() const { return cells_.size() >= kCells_max || log_.size() >= kLog_max || gains_.full(); }

  // Packed records in a fixed order, cells before evidence; then starts anew. What summed up to zero is left out. No
  // record is longer than record_bytes_max, unless a single key is: a cell that does not fit travels in parts.
  using Emit = absl::FunctionRef<void(std::string partition_key, std::string record)>;
  void flush(Emit emit);

 private:
  static constexpr std::size_t kCells_max = 64 * 1024;  // some 50 bytes each
  static constexpr std::size_t kLog_max = 1024 * 1024;  // 8 bytes each

  struct Cell {
    std::uint32_t values, values_n;  // place in values_
    std::uint32_t terms = 0;         // entries in the log
  };
  struct Logged {
    std::uint32_t cell;
    Gains::Term term;
  };
  struct Place {
    std::size_t begin, size;
  };
  struct Change {
    std::uint32_t window;
    int by;
    Place session;  // in sessions_
  };
  class Writer;
  struct Partition;  // what travels under one key

  std::uint64_t number_of(std::span<const std::uint32_t> values);
  void sort_log();
  void make_rows();
  bool precedes(std::uint32_t cell, std::uint32_t other) const;
  void put_evidence(std::uint32_t window, Writer& writer) const;
  std::string_view session_of(const Change& change) const {
    return std::string_view{sessions_}.substr(change.session.begin, change.session.size);
  }
  void clear();

  std::size_t record_bytes_max_;
  std::vector<std::string> sets_;                                                       // by number
  absl::node_hash_map<std::string, std::uint32_t, TextHash, std::equal_to<>> numbers_;  // of texts
  std::vector<std::string_view> texts_;                                                 // by number
  absl::flat_hash_map<std::pair<std::uint32_t, std::int64_t>, std::unique_ptr<Sheet>> sheets_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> pairs_;  // of numbers → one number above those of texts
  std::vector<Cell> cells_;
  std::vector<std::uint32_t> values_;  // the numbers of each cell's values
  Gains gains_;
  std::vector<Logged> log_;
  std::vector<std::size_t> ends_;    // of each cell's terms in …
  std::vector<Gains::Term> sorted_;  // … the log by cell
  std::string rows_;
  std::vector<Place> row_places_;  // of each cell's row in rows_

  absl::node_hash_map<std::string, std::uint32_t> windows_;  // partition key, then the window's → number
  std::vector<std::pair<std::string_view, std::string_view>> window_keys_;  // by number: the same two
  std::vector<Change> changes_;
  std::string sessions_;
};

// Reads a packed record. False when the bytes are malformed; visits made before stand.
struct DeltaVisitor {
  // `cell` is the end of the cube key, bucket and values; its beginning is the record's key. `row` as in row.h.
  absl::FunctionRef<void(std::string_view cell, std::string_view row)> cell;
  absl::FunctionRef<void(std::string_view evidence_key, bool present)> evidence;
};
bool unpack(std::string_view record, const DeltaVisitor& visitor);

}  // namespace echoloop::aggregates

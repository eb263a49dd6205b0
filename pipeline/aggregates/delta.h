// Deltas: what an epoch of a SESSIONS shard changes in the cube, summed in memory and packed into few records, each for
// one (tenant, dimension set).
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/node_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/aggregates/measures.h"
#include "pipeline/base/hash.h"

namespace echoloop::aggregates {

inline constexpr std::size_t kDeltaRecord_bytes_max = 256 * 1024;  // well under a broker's message limit

// Not thread-safe. What it emits depends only on what was added, not on the order.
class DeltaPacker {
 public:
  explicit DeltaPacker(std::size_t record_bytes_max = kDeltaRecord_bytes_max) : record_bytes_max_(record_bytes_max) {}

  // A number for a text, to name it in cell(); it holds as long as generation() stays, which only a flush changes.
  std::uint32_t intern(std::string_view text);
  std::uint64_t generation() const { return generation_; }
  // The sum of one cell; the reference lives until the next flush. Texts are named by their numbers, so that a session
  // that adds to dozens of cells hashes each of its values once.
  Measures& cell(std::uint32_t tenant, std::uint32_t set, std::int64_t bucket_ms,
                 std::span<const std::uint32_t> values);
  // +1 when a session becomes evidence, −1 when it ceases to be. `key` as evidence_key() makes it.
  void evidence(std::string_view tenant, std::string_view set, std::string key, std::int64_t by);

  // Packed records in a fixed order, cells before evidence; then starts anew. What summed up to zero is left out. No
  // record is longer than record_bytes_max, unless a single key is: a cell that does not fit travels in parts.
  using Emit = std::function<void(std::string partition_key, std::string record)>;
  void flush(const Emit& emit);

 private:
  std::string cube_key_of(std::string_view cell) const;

  std::size_t record_bytes_max_;
  // Key: tenant, set, bucket and values as the bytes of their numbers; value: place in sums_.
  absl::flat_hash_map<std::string, std::size_t, TextHash, std::equal_to<>> cells_;
  absl::node_hash_map<std::string, std::uint32_t, TextHash, std::equal_to<>> numbers_;  // of texts
  std::vector<std::string_view> texts_;                                                 // by number
  std::uint64_t generation_ = 1;
  std::deque<Measures> sums_;
  absl::flat_hash_map<std::string, std::int64_t> evidence_;  // partition key, then evidence key
  std::string scratch_;
};

// Reads a packed record. False when the bytes are malformed; visits made before stand.
struct DeltaVisitor {
  std::function<void(std::string_view cube_key, const Measures& measures)> cell;
  std::function<void(std::string_view evidence_key, bool present)> evidence;
};
bool unpack(std::string_view record, const DeltaVisitor& visitor);

}  // namespace echoloop::aggregates

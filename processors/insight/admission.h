// The bound on how many values of a dimension are counted under their own name: per tenant, dimension set and
// dimension, first come. A value that was admitted stays admitted; the others are added up under `other`. Which of the
// two a cell belongs to never changes, so that a correction is subtracted from where its session was added, whatever
// becomes of the bound or of the configuration meanwhile: a value that is admitted after cells were refused is admitted
// from the hour on that follows the last one of those. docs/aggregates.md says what that means for numbers.
//
// Rows of table admissions: (tenant, set) → empty, once the values in the cube are admitted; with a dimension → the
// last bucket of which a cell was refused; with the hash of a value, too → the bucket it is admitted from, empty for
// all.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/hash.h"
#include "pipeline/stage/processor.h"
#include "schemas/domain.h"

namespace echoloop::insight {

// Not thread-safe: one per processor.
class Admission {
 public:
  // The key of the cell that stands for this one because values of it are not admitted; none when all are. Quick for
  // keys that come in order.
  std::optional<std::string> folded(std::string_view cube_key, const Domain& domain, stage::Context& context);
  // Whether `other` stands for other values there, and not only for itself.
  bool is_mixed(std::string_view tenant, std::string_view set, std::size_t dimension, stage::Context& context);
  // Writes what the epoch refused.
  void end_epoch(stage::Context& context);

 private:
  using Hash = std::uint64_t;  // of a value as it stands in keys
  using Hashes = absl::flat_hash_set<Hash>;
  // Hashes, some 16 bytes each; above it places that an epoch did not ask for are let go.
  static constexpr std::size_t kHeld_max = 500'000;

  struct Dimension {
    std::string name;
    std::string key;  // of its row
    Hashes admitted;
    absl::flat_hash_map<Hash, std::int64_t> from;  // of those admitted late: first bucket
    std::optional<std::int64_t> refused_until;     // newest bucket of which a cell was refused
    std::int64_t refused = 0;                      // cells, in this epoch
  };
  // One (tenant, set).
  struct Place {
    std::vector<Dimension> dimensions;  // in the set's order
    bool asked = false;                 // in this epoch
  };

  Place& place_of(std::string_view partition_key, std::string_view set, stage::Context& context);
  void read(std::string_view partition_key, Place& place, stage::Context& context) const;
  void admit_cube(std::string_view partition_key, Place& place, stage::Context& context) const;
  static void admit(Dimension& dimension, Hash hash, std::optional<std::int64_t> from_ms, stage::Context& context);
  // What the configuration names in a dimension.
  const Hashes& configured(const std::string& dimension, const Domain& domain);
  bool admits(Dimension& dimension, std::string_view value_in_key, std::int64_t bucket_ms, const Domain& domain,
              stage::Context& context);

  absl::flat_hash_map<std::string, Place, TextHash, std::equal_to<>> places_;  // by partition key
  absl::flat_hash_map<std::string, Hashes> configured_;                        // by dimension
  std::uint64_t configured_by_ = 0;                                            // hash of the configuration
  // Of the cell before.
  std::string partition_key_;
  Place* place_ = nullptr;
};

// The same for readers of committed rows; `shard` of the (tenant, set). Safe from any thread.
Result<bool> is_mixed(const stage::View& rows, int shard, std::string_view tenant, std::string_view set,
                      std::string_view dimension);

}  // namespace echoloop::insight

// The cube rows that are written now. Most cells that an epoch touches are of the hours that the one before wrote to,
// so the rows of an hour that began while this processor lived are kept in memory, all of them: neither a row that was
// written nor one that is not there yet is looked for in the store. Whatever else is touched is read from there.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "pipeline/base/hash.h"
#include "pipeline/stage/processor.h"

namespace echoloop::insight {

// The only writer of table cube. Not thread-safe: one per processor.
class HotRows {
 public:
  // Between epochs; what an epoch touches, which is in memory as its changes too, comes on top while it lasts. An
  // import of three days in the order of time finds 86 % of its cells in this much, 74 % in half of it and 90 % in
  // twice as much; a shard that runs live has its hour in less.
  static constexpr std::size_t kBytes_max = std::size_t{4} << 20;

  explicit HotRows(std::size_t bytes_max = kBytes_max) : bytes_max_(bytes_max) {}

  // Both quick for keys that come in order; both throw stage::BrokenWorld for a key or a row that cannot be read.
  // Once an epoch for each key, before any row of the cube is written: a look into the store, where there may be no
  // row.
  void prepare(std::string_view cube_key, stage::Context& context);
  // Adds to the row of this key what an epoch counted there (row.h); nothing remains of a row that becomes empty.
  void add(std::string_view cube_key, std::string_view gained, stage::Context& context);
  // Lets go of what was not touched lately, and of the older hours, while there is too much.
  void end_epoch();

 private:
  // All rows of one (tenant, set, bucket), by the values as they stand in keys.
  struct Page {
    absl::flat_hash_map<std::string, std::string, TextHash, std::equal_to<>> rows;
    std::size_t bytes = 0;
    std::uint64_t touched = 0;  // epoch
  };
  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::min();
  // One (tenant, set).
  struct Place {
    std::map<std::int64_t, Page> pages;  // by bucket
    // The newest buckets of the epoch under way, and of the one before it that touched the place.
    std::int64_t newest_ms = kNever, newest_before_ms = kNever;
    std::uint64_t touched = 0;
  };

  // Finds place and page of a cell. False: they are those of the cell before.
  bool turn_to(std::string_view cube_key);
  void trim();

  std::size_t bytes_max_;
  absl::flat_hash_map<std::string, std::unique_ptr<Place>, TextHash, std::equal_to<>> places_;  // by partition key
  std::uint64_t epoch_ = 1;
  // Of the cell before.
  std::string page_key_;  // tenant, set and bucket as they stand in keys
  std::int64_t bucket_ms_ = 0;
  Place* place_ = nullptr;
  Page* page_ = nullptr;  // if it is kept
};

}  // namespace echoloop::insight

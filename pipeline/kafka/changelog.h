// The changelog: what the epochs of a shard did to its rows, packed, one record or a few for each epoch, in the
// transaction that made the epoch true. The store is a cache of it: a marker beside the rows says how far they go.
//
// A record: version byte, epoch varint, last byte (0: the epoch goes on in the next record), then rows: table byte, key
// text, 0 or 1 and value text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/stage/store.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::kafka {

// How far the rows of a shard in the store go.
struct Marker {
  std::int64_t epoch = 0;        // the last one that is in them; 0: none
  std::int64_t next_offset = 0;  // of the shard's partition of the changelog: the first record that is not in them
  // One more than where the changelog began when they were read from nothing; 0: they are known to be all.
  std::int64_t begun = 0;
};
Result<Marker> read_marker(const stage::View& store, int shard);
void put_marker(store::Batch& batch, int shard, const Marker& marker);

// The records of one epoch; none is much larger than `record_bytes` unless a single row is. At least one.
std::vector<std::string> pack_epoch(std::int64_t epoch, std::span<const stage::Row* const> rows,
                                    std::size_t record_bytes);

// One record: its rows go into the batch.
struct Unpacked {
  std::int64_t epoch = 0;
  bool last = false;
};
// Error (world): it is none of ours.
Result<Unpacked> unpack_epoch(std::string_view record, int shard, store::Batch& batch);

}  // namespace echoloop::kafka

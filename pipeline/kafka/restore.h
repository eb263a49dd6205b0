// Brings the rows of shards in the store to where their committed offsets say: what the local store lacks is read from
// the changelog; a store that knows of another past is emptied first.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/changelog.h"

namespace echoloop::kafka {

// Empties a shard. The marker goes first: whatever is left after a crash is erased by the next restore.
Result<void> forget_shard(store::RocksStore& store, int shard);
// One record of the changelog into the store, with the marker, which moves on. Errors: (world) a record that is none of
// ours; as the store tells; (away) it does not follow what the marker knows: the rows were of another past, and are
// gone now.
Result<void> apply_record(store::RocksStore& store, int shard, std::int64_t offset, std::string_view record,
                          Marker& marker);

// One thread.
class Restore {
 public:
  // `epochs`: of each shard, as its committed offsets say; 0: none were committed. Errors: as the store tells; away,
  // also when the changelog lacks what it must hold, or the group has lost the offsets that belong to it.
  static Result<std::unique_ptr<Restore>> begin(Brokers& brokers, store::RocksStore& store,
                                                const std::map<int, std::int64_t>& epochs);

  // Reads on for up to `timeout`; answers whether all shards are there. Error (away): nothing comes any more.
  Result<bool> step(Duration timeout);
  // How far the rows go, of every shard, once they are there.
  const std::map<int, Marker>& markers() const { return markers_; }

 private:
  Restore(Brokers& brokers, store::RocksStore& store) : brokers_(brokers), store_(store) {}
  Result<void> begin_anew(const std::vector<int>& shards);
  Result<void> read_from(const std::vector<int>& shards);
  Result<void> check_whole(int shard);
  Result<void> apply(int shard, std::int64_t offset, std::string_view record);

  Brokers& brokers_;
  store::RocksStore& store_;
  std::map<int, Marker> markers_;
  std::map<int, std::int64_t> wanted_;  // epochs of the shards that are not there yet
  std::unique_ptr<ChangelogReader> changelog_;
  std::uint64_t records_ = 0, bytes_ = 0;
  std::chrono::steady_clock::time_point last_record_, last_told_;
};

}  // namespace echoloop::kafka

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

// One thread.
class Restore {
 public:
  // `epochs`: of each shard, as its committed offsets say. Errors: away, world.
  static Result<std::unique_ptr<Restore>> begin(Brokers& brokers, store::RocksStore& store,
                                                const std::map<int, std::int64_t>& epochs);

  // Reads on for up to `timeout`; answers whether all shards are there. Error (away): nothing comes any more.
  Result<bool> step(Duration timeout);
  // How far the rows go, of every shard, once they are there.
  const std::map<int, Marker>& markers() const { return markers_; }

 private:
  Restore(Brokers& brokers, store::RocksStore& store) : brokers_(brokers), store_(store) {}
  Result<void> read_from(const std::vector<int>& shards);
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

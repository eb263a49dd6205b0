// Copies of shards that other members hold, kept close to their end by reading the changelog, so that whoever a shard
// comes to has little left to read (Kafka Streams calls them standby replicas). A copy is what a holder leaves behind:
// rows of the store and the marker that says how far they go. Taking over is the same with it and without it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/changelog.h"

namespace echoloop::kafka {

struct Copies {
  std::size_t shards = 0;
  std::int64_t behind = 0;  // records of the changelog that they lack
};

class Standby {
 public:
  using Open = std::function<Result<std::unique_ptr<ChangelogReader>>()>;
  Standby(store::RocksStore& store, Open open) : store_(store), open_(std::move(open)) {}

  // A worker of this process takes shards over: once this has returned nothing else writes their rows. Any thread.
  void leave(int worker, const std::vector<int>& shards);
  // What that worker held it holds no more. Any thread.
  void join(int worker);

  // Reads on for up to `timeout` for those of `wanted` that no worker of this process has taken over. One thread.
  // Errors: away, world, no_room; the next step begins anew.
  Result<void> step(const std::set<int>& wanted, Duration timeout);
  // As they stood when look() was called last. Any thread.
  Copies copies() const;
  // Asks how far the changelog goes. The thread of step(). Error: away.
  Result<void> look();

 private:
  Result<void> begin(const std::set<int>& wanted);
  Result<void> apply(int shard, std::int64_t offset, std::string_view record);

  store::RocksStore& store_;
  const Open open_;
  mutable std::mutex mutex_;       // held while rows are written
  std::map<int, int> taken_;       // shard → worker
  bool changed_ = false;           // taken_ has
  std::map<int, Marker> markers_;  // of the copies
  Copies copies_;

  bool begun_ = false;
  std::set<int> wanted_;                        // when it was begun
  std::set<int> ahead_;                         // of the changelog, by what brokers said when they were asked last
  std::unique_ptr<ChangelogReader> changelog_;  // null: nothing to follow
};

}  // namespace echoloop::kafka

// echoloop as a member of a group on Kafka: the topics, the local store that caches what the changelog holds, and the
// links of its workers. As LocalHouse, but the logs lie on the brokers, and shards come and go.
//
//   DATA/cache/  RocksStore: rows of the shards that this member holds or held, and how far they go; never the store of
//                a data folder that was used without Kafka
//   DATA/member  its name, made once
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pipeline/kafka/brokers.h"
#include "pipeline/kafka/member.h"
#include "pipeline/kafka/standby.h"
#include "pipeline/stage/link.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::kafka {

class KafkaHouse {
 public:
  // Makes the topics that are missing. Errors: (configuration) topics that do not fit, a property that librdkafka does
  // not take; (away) no broker answers; (world) the store, as it tells.
  static Result<std::unique_ptr<KafkaHouse>> open(const std::filesystem::path& folder, MemberOptions options,
                                                  const store::StoreOptions& store);
  // On other brokers than those that the options name.
  using Connect = std::function<Result<std::unique_ptr<Brokers>>(int worker)>;
  static Result<std::unique_ptr<KafkaHouse>> open(const std::filesystem::path& folder, MemberOptions options,
                                                  const store::StoreOptions& store, int partitions, Connect connect);
  ~KafkaHouse();  // after its links

  int partitions() const;  // of every topic, constant
  const MemberOptions& options() const;
  // Committed rows of the shards that are held and restored; others are an error (away), though the store may have old
  // rows of them. Any thread.
  const stage::View& rows() const;
  std::unique_ptr<stage::View> snapshot() const;
  // Those shards, ascending. Any thread.
  std::vector<int> shards() const;
  bool holds(int shard) const;
  // Records of topic events in the partitions held that no commit has read, as far as the brokers have said; control
  // records of transactions count too.
  std::int64_t backlog() const;
  // All shards that are held have been read to the end of their topics, and are committed.
  bool settled() const;

  // One at a time of a worker. Errors: away, world.
  Result<std::unique_ptr<stage::Link>> link(int worker, int workers);
  // Keeps copies of shards that others hold; its steps are the caller's. Once, before the links.
  Standby& stand_by(Standby::Open open);
  Copies copies() const;  // any thread
  // Another process runs as this member: each link ends with an error (world).
  void give_way();
  // Called after each commit, from the thread that committed. Any thread may add one.
  void on_commit(std::function<void()> listener);
  void tell() const;  // those listeners, that something may have become true elsewhere

 private:
  friend class KafkaLink;
  struct State;
  explicit KafkaHouse(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace echoloop::kafka

// Kafka as far as kafka::Brokers needs it, in memory and without time: transactions, the last stable offset, pending
// offsets, a consumer group of static members, fencing. Tests play what brokers, networks and clocks do. One thread;
// all of it is deterministic. contract_test.cc holds it to what a real broker does.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/kafka/brokers.h"

namespace echoloop::kafka_tests {

// Between a worker and the cluster.
class Line {
 public:
  virtual ~Line() = default;
  // Called before a step of the worker reaches the cluster, and after it did. An error is what the worker is told
  // instead; what is thrown here ends it.
  virtual Result<void> pass(std::string_view /*step*/, bool /*done*/) { return {}; }
  bool cut = false;  // the cluster hears nothing any more, not even that the worker ends
};

class MemoryCluster {
 public:
  explicit MemoryCluster(int partitions) : partitions_(partitions) {}

  int partitions() const { return partitions_; }
  // A worker's name is its group.instance.id and its transactional.id: a later one of the same name fences the earlier.
  Result<std::unique_ptr<kafka::Brokers>> connect(const std::string& worker, std::shared_ptr<Line> line);

  // By somebody outside of the pipeline.
  void delete_changelog();                // and makes it anew
  void delete_input(stage::Topic topic);  // and makes it anew; offsets of the group go with it
  void append(stage::Topic topic, int partition, stage::Kind kind, std::string key, std::string value, Time at);
  // The group has not heard of the worker for too long: others get its partitions.
  void session_over(const std::string& worker);
  // Its transaction has been open for too long: aborted, and the producer fenced.
  void transaction_over(const std::string& worker);
  // Somebody's transaction with an offset and a record in it is open, until it is over.
  void leave_pending(const std::string& name, const kafka::Committed& offset, std::string value);
  // How many of the records that are there a reader is given at a time; missing: all.
  std::function<std::size_t(std::size_t there)> portion;

  struct Seen {
    std::int64_t offset = 0;
    stage::Kind kind{};
    std::string key, value;
  };
  // What a reader of committed records sees.
  std::vector<Seen> read(stage::Topic topic, int partition) const;
  std::int64_t committed(stage::Partition partition) const;  // next offset
  std::map<int, std::int64_t> epochs() const;                // of shards, by committed offsets
  std::unique_ptr<kafka::ChangelogReader> changelog();

 private:
  friend class MemoryBrokers;
  friend class MemoryChangelog;

  static constexpr stage::Topic kChangelog{0};

  enum class State : std::uint8_t { open, committed, aborted, control };
  struct Entry {
    std::int64_t offset = 0;
    stage::Kind kind{};
    std::string key, value;
    Time at{};
    State state = State::committed;
  };
  struct Log {
    std::int64_t low = 0, next = 0;
    std::deque<std::shared_ptr<Entry>> entries;
  };
  struct Transaction {
    std::vector<std::shared_ptr<Entry>> entries;
    std::set<stage::Partition> partitions;
    std::vector<kafka::Committed> offsets;
  };
  struct Producer {
    int epoch = 0;
    std::optional<Transaction> open;
  };
  struct Member {
    std::uint64_t connection = 0;  // the process that speaks for it
    bool joined = false;           // has answered the rebalance under way
    std::vector<int> shards;       // of this generation
  };

  std::shared_ptr<Entry> push(stage::Partition partition, Entry entry);
  std::int64_t stable_end(const Log& log) const;
  std::vector<std::shared_ptr<const Entry>> visible(stage::Partition partition, std::int64_t from) const;
  std::size_t some(std::size_t there) const { return portion && there > 0 ? portion(there) : there; }
  void end(Producer& producer, bool commit);

  void join(const std::string& worker, std::uint64_t connection);
  void rebalance();
  void rebalanced();  // if all have answered
  bool pending(stage::Partition partition) const;

  const int partitions_;
  std::map<stage::Partition, Log> logs_;
  std::map<std::string, Producer> producers_;
  std::map<std::string, Member> members_;
  std::map<stage::Partition, kafka::Committed> offsets_;
  std::uint64_t connections_ = 0, generation_ = 0;
  bool preparing_ = false;
};

}  // namespace echoloop::kafka_tests

// What a KafkaHouse and its links share.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "pipeline/kafka/kafka_house.h"
#include "pipeline/kafka/standby_thread.h"

namespace echoloop::kafka {

// Rows of the shards that are held at the moment of the question. Error (away): another shard.
class HeldRows final : public stage::View {
 public:
  HeldRows(const stage::View& rows, std::function<bool(int shard)> held) : rows_(rows), held_(std::move(held)) {}
  Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override {
    if (!held_(shard)) return not_held(shard);
    return rows_.get(table, shard, key);
  }
  Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                    const stage::RowVisitor& visit) const override {
    if (!held_(shard)) return not_held(shard);
    return rows_.scan(table, shard, from, to, visit);
  }

 private:
  static tl::unexpected<Error> not_held(int shard) {
    return away(fmt::format("shard {}", shard), "is not held by this member");
  }

  const stage::View& rows_;
  std::function<bool(int shard)> held_;
};

struct KafkaHouse::State {
  MemberOptions options;
  Connect connect;
  int partitions = 0;
  std::unique_ptr<store::RocksStore> store;
  std::unique_ptr<HeldRows> rows;
  std::unique_ptr<Standby> standby;  // none: no copies are kept
  std::unique_ptr<StandbyThread> standby_thread;

  // What each worker does at the moment.
  struct Standing {
    std::vector<int> shards;   // held and restored
    bool settled = false;      // all that it was given is committed, to the end of its partitions
    std::int64_t backlog = 0;  // of topic events
  };
  std::atomic<bool> gives_way{false};  // to another process
  std::mutex mutex;
  std::map<int, Standing> standing;
  std::map<stage::Partition, std::int64_t> sent;       // by stages of this member: the offset behind the last record
  std::map<stage::Partition, std::int64_t> committed;  // of what this member holds, or held
  std::vector<std::function<void()>> listeners;

  bool holds(int shard) {
    std::lock_guard hold{mutex};
    return std::any_of(standing.begin(), standing.end(), [&](const auto& entry) {
      return std::find(entry.second.shards.begin(), entry.second.shards.end(), shard) != entry.second.shards.end();
    });
  }
  void set(int worker, Standing now) {
    std::lock_guard hold{mutex};
    standing[worker] = std::move(now);
  }
  // A commit became true: what it had read, and the offsets of the last records that it wrote.
  void note(const std::vector<stage::Position>& positions,
            const std::map<stage::Partition, const std::int64_t*>& written) {
    std::lock_guard hold{mutex};
    for (const stage::Position& position : positions) {
      std::int64_t& known = committed[position.partition];
      if (position.next_offset < known) sent.erase(position.partition);  // the topic was made anew
      known = position.next_offset;
    }
    for (const auto& [partition, last] : written) sent[partition] = std::max(sent[partition], *last + 1);
  }
  void tell() {
    std::vector<std::function<void()>> told;
    {
      std::lock_guard hold{mutex};
      told = listeners;
    }
    for (const auto& listener : told) listener();
  }
};

}  // namespace echoloop::kafka

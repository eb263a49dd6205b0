// A worker runs shards of every stage in epochs: poll, process, commit. See Worker::run_epoch for the whole of it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/engine/shard.h"
#include "pipeline/stage/link.h"
#include "pipeline/stage/processor.h"

namespace echoloop::engine {

struct EpochLimits {
  Duration interval{100};  // an epoch is at most this long …
  // … and ends early when it has read so many records, or bytes that about so many bytes of rows and outputs will
  // come of, by what came of the one before: until the commit they take several times as much memory.
  std::size_t records_max = 64 * 1024;
  std::size_t read_bytes_max = 32u << 20, read_bytes_min = 1u << 20;
  std::size_t written_bytes = 24u << 20;
  Duration hurry_interval{
      10};  // at most one forced commit in this time, so that a storm of red lines cannot halt the flow
};

// Used by one thread, except stop().
class Worker {
 public:
  // `link` is made anew by `connect` after a failed commit.
  using Connect = std::function<Result<std::unique_ptr<stage::Link>>()>;
  Worker(const std::vector<stage::StageSpec>& stages, Connect connect, EpochLimits limits);

  // One epoch, or nothing when nothing arrived within the wait. Answers whether anything was committed.
  Result<bool> run_epoch(Duration wait);
  // Epochs until stop(). The error says why the world broke. A full disk and a broker that is away do not end it:
  // `on_trouble` is told, again when another error follows, the same records are tried again, and when that worked it
  // is told that the trouble is over
  // (nothing).
  using OnTrouble = std::function<void(const std::optional<Error>&)>;
  Result<void> run(const OnTrouble& on_trouble);
  void stop();

 private:
  Result<void> connect();
  void disconnect();
  // Answers the partitions that were taken away, which ends the epoch.
  Result<std::vector<stage::Partition>> take_until_full(Duration wait);
  void wait_a_little();
  // What is gone on from.
  struct Trouble {
    Fault fault{};
    std::string text;
    std::chrono::steady_clock::time_point last{};
  };
  bool has_passed(const Trouble& trouble) const;
  void take(const stage::Poll& poll);
  const stage::StageSpec* reader_of(stage::Topic topic) const;  // null: nobody reads it
  bool hurried() const;
  bool wants_more() const;
  bool is_over() const;
  // Everything, or only the shards in a hurry, while the epoch goes on for the others.
  Result<void> commit(bool hurried_only);
  void adapt(const stage::Epoch& written);

  const std::vector<stage::StageSpec>* stages_;
  Connect connect_;
  EpochLimits limits_;
  std::atomic<bool> stopping_{false};
  std::mutex link_mutex_;  // link_ against stop(), which wakes it from another thread
  std::condition_variable stopped_;
  std::unique_ptr<stage::Link> link_;
  using ShardName = std::pair<const stage::StageSpec*, int>;  // the stages stand in their order
  std::map<ShardName, Shard> shards_;
  std::chrono::steady_clock::time_point last_hurry_{}, held_since_{};
  bool is_full() const { return records_ >= limits_.records_max || bytes_ >= bytes_max_; }

  // The epoch under way: when it is over, set by its first record; how many records, and bytes of them.
  std::optional<std::chrono::steady_clock::time_point> end_;
  std::size_t records_ = 0, bytes_ = 0;
  std::size_t bytes_max_;  // to be read by it
  std::size_t rows_ = 0;   // that the last epoch wrote: as many are likely to come
};

}  // namespace echoloop::engine

// A house in memory: the same links as pipeline/local gives, without files. For tests of whatever runs on links, driven
// by one thread (with timeouts of zero everything is deterministic) or by several. What is appended and committed lives
// as long as the house; links are made anew at will, which plays a restart.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "pipeline/stage/link.h"

namespace echoloop::memory {

class MemoryHouse {
 public:
  explicit MemoryHouse(int partitions);

  int partitions() const { return partitions_; }
  // An event on the partition of its key; times are raised like those of the log.
  void append(stage::Kind kind, std::string_view key, std::string_view value, Time at);
  // Worker w of W holds the partitions p with p mod W = w, beginning at the committed positions.
  std::unique_ptr<stage::Link> link(int worker, int workers);
  const stage::View& view() const { return view_; }
  void write(const std::vector<stage::Row>& rows);
  // Also of topics that stages read: what is not consumed yet.
  stage::Slice read_topic(stage::Topic topic, int partition, std::int64_t from_offset,
                          const stage::PollLimits& limits) const;
  std::int64_t position(stage::Partition partition) const;
  // The next commit of any link fails with this, and nothing of it is true.
  void fail_next_commit(Error error);

 private:
  friend class MemoryLink;
  struct Stored {
    stage::Kind kind{};
    std::string key, value;
    Time at{};
    std::int64_t offset = 0;
  };
  struct Line {
    std::deque<std::shared_ptr<const Stored>> records;
    std::int64_t next_offset = 0;
    std::int64_t position = 0;
  };
  class Rows : public stage::View {
   public:
    explicit Rows(const MemoryHouse& house) : house_(house) {}
    Result<std::optional<std::string>> get(stage::Table table, int shard, std::string_view key) const override;
    Result<void> scan(stage::Table table, int shard, std::string_view from, std::string_view to,
                      const stage::RowVisitor& visit) const override;

   private:
    const MemoryHouse& house_;
  };

  Result<void> commit(stage::Epoch epoch);
  void push(stage::Partition partition, stage::Kind kind, std::string key, std::string value, Time at);
  stage::Slice slice(stage::Partition partition, std::int64_t from_offset, const stage::PollLimits& limits) const;
  void apply(const std::vector<stage::Row>& rows);

  const int partitions_;
  Rows view_{*this};
  mutable std::mutex mutex_;  // all below
  std::condition_variable changed_;
  std::uint64_t changes_ = 0;
  std::map<stage::Partition, Line> lines_;
  std::map<std::tuple<stage::Table, int, std::string>, std::string, std::less<>> rows_;
  Time last_at_ = Time::min();
  std::optional<Error> failure_;
};

}  // namespace echoloop::memory

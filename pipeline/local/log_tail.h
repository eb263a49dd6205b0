// What of an event log is durable, and how to read it: the indexes of all segments, the newest blocks in memory, and
// per partition the place where the last reader of older blocks stopped. Written by the log's writer, read from any
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include "pipeline/local/segment.h"
#include "pipeline/stage/link.h"

namespace echoloop::local {

class LogTail {
 public:
  LogTail(std::filesystem::path folder, std::size_t ring_bytes, std::vector<std::shared_ptr<const SegmentIndex>> sealed,
          SegmentIndex active);

  std::int64_t end_offset(int partition) const;
  std::uint64_t disk_bytes() const;
  Result<stage::Slice> read(int partition, std::int64_t from_offset, const stage::PollLimits& limits) const;

  // The newest time of a record; before all times when there is none.
  std::int64_t last_at_ms() const;

  // The newest of the oldest sealed segments of which every record is older than that and lies before `ends`; null:
  // there is none. forget() lets go of it and all before it; who reads there meanwhile finds what comes behind.
  std::shared_ptr<const SegmentIndex> oldest(std::int64_t older_than_ms, const std::vector<std::int64_t>& ends) const;
  std::vector<std::uint64_t> forget(std::uint64_t number);

  // The writer's thread only:
  const SegmentIndex& active() const { return active_; }
  void publish(const std::vector<std::shared_ptr<const Block>>& blocks);  // they lie on disk, one behind the other
  void begin_segment(SegmentIndex next);                                  // seals the active one
  void skip_to(int partition, std::int64_t offset);

 private:
  // Where a reader of blocks that are no longer in memory stopped: goes on there without a search.
  struct Trail {
    std::mutex mutex;
    std::shared_ptr<const Block> block;
    std::uint64_t segment = 0, next = 0;
  };
  struct Place {
    std::uint64_t segment = 0, position = 0, end = 0;
    std::uint64_t end_offset = 0;  // of the partition, behind the segment
  };

  Result<std::shared_ptr<const Block>> block_at(int partition, std::uint64_t offset) const;
  Result<std::shared_ptr<const Block>> block_on_disk(int partition, std::uint64_t offset) const;
  // The segment that holds the first block of the partition that ends behind the offset, and where to look in it.
  // What to say of a sound block whose records cannot be read.
  Error malformed(int partition, const BlockHeader& header) const;
  Place place_of(int partition, std::uint64_t offset) const;
  bool is_gone(std::uint64_t segment) const;

  const std::filesystem::path folder_;
  const std::size_t ring_bytes_max_;
  const std::unique_ptr<Trail[]> trails_;

  mutable std::shared_mutex mutex_;                          // all below
  std::vector<std::shared_ptr<const SegmentIndex>> sealed_;  // numbers rise by one
  SegmentIndex active_;
  std::vector<std::deque<std::shared_ptr<const Block>>> rings_;  // per partition
  std::deque<int> ring_order_;                                   // partitions of the blocks in memory, oldest first
  std::size_t ring_bytes_ = 0;
};

}  // namespace echoloop::local

// The topics that stages write: deltas and cases, which other stages read and thereby use up, and tasks, which stays
// for those who deliver. Each output is a row of the store from the commit that made it; for deltas and cases it waits
// in memory too, from that commit until the one that consumed it. Offsets of a partition rise by one in the order of
// the commits.
//
// Safe from any thread, but the steps of a commit (stage, then published or dropped) belong under one lock of the
// caller's.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pipeline/stage/link.h"
#include "pipeline/store/rocks_store.h"

namespace echoloop::local {

// Tables of this room in the store.
inline constexpr stage::Table kPositions_table{200};  // shard = partition; topic byte → varint next offset
inline constexpr stage::Table kOutbox_table{201};  // shard = partition; topic byte, offset u64 → kind, at, key, value
inline constexpr stage::Table kHouse_table{202};   // shard 0; "log" → identity of the event log

// A written output with its place.
struct Sent {
  stage::Partition partition;
  std::int64_t offset = 0;
  stage::Kind kind{};
  Time at{};
  std::string key, value;
  std::size_t bytes() const { return key.size() + value.size() + sizeof(Sent); }
};
using SentPtr = std::shared_ptr<const Sent>;  // shared by the queue and by slices that outlive their commit

class Outbox {
 public:
  explicit Outbox(int partitions);

  // What the store holds: positions, queues, next offsets.
  Result<void> load(const stage::View& store);

  std::int64_t position(stage::Partition partition) const;
  // Offset of the next output into it.
  std::int64_t end(stage::Partition partition) const;
  std::size_t queued_bytes() const;

  // Adds records of the queue from that offset on, within what the limits leave; lowers the limits by what it took.
  void collect(stage::Partition partition, std::int64_t from_offset, stage::PollLimits& limits,
               stage::Slice& slice) const;
  // The same from the store, for any topic but events.
  static Result<stage::Slice> read(const stage::View& store, stage::Partition partition, std::int64_t from_offset,
                                   const stage::PollLimits& limits);

  // One commit: what it consumed and what it made, into the batch. Nothing changes here yet.
  struct Staged {
    std::vector<stage::Position> positions;
    std::vector<SentPtr> sent;
  };
  void consume(std::vector<stage::Position> positions, store::Batch& batch, Staged& staged) const;
  void send(std::vector<stage::Output> outputs, store::Batch& batch, Staged& staged) const;
  // The batch is written: now it is true.
  void publish(Staged staged);

 private:
  struct Line {                    // one partition of one topic
    std::int64_t position = 0;     // of its consumer
    std::int64_t next_offset = 0;  // of the next output
    std::deque<SentPtr> waiting;   // not yet consumed; empty for tasks and events
  };
  Line& line(stage::Partition partition) { return lines_.at(partition); }
  const Line& line(stage::Partition partition) const { return lines_.at(partition); }

  const int partitions_;
  mutable std::mutex mutex_;
  std::map<stage::Partition, Line> lines_;
  std::size_t queued_bytes_ = 0;
};

}  // namespace echoloop::local

// A worker's end of the logs and of the store: all that the engine knows of them. pipeline/local implements it on files
// and RocksDB, pipeline/kafka on a broker. One link per worker thread, used by that thread only, except wake().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/base/result.h"
#include "pipeline/stage/record.h"
#include "pipeline/stage/store.h"

namespace echoloop::stage {

struct Partition {
  Topic topic{};
  int number = 0;
  friend auto operator<=>(const Partition&, const Partition&) = default;
};

// Records of one partition in offset order. `keep` owns the bytes that the records view.
struct Slice {
  Partition partition;
  std::vector<Record> records;
  std::shared_ptr<const void> keep;
};

struct PollLimits {
  std::size_t records_max = 65'536;
  std::size_t bytes_max = 32u << 20;
};

// What a poll found. Assignments come before records of their partitions, revocations after the last ones.
struct Poll {
  std::vector<Partition> assigned;
  std::vector<Partition> revoked;
  std::vector<Slice> slices;
  bool empty() const { return assigned.empty() && revoked.empty() && slices.empty(); }
};

struct Position {
  Partition partition;
  std::int64_t next_offset = 0;  // the first one not yet processed
};

// Everything an epoch did, to become true all at once or not at all.
struct Epoch {
  std::vector<Row> rows;  // each key once; sorted by (table, key) within a shard
  std::vector<Output> outputs;
  std::vector<Position> positions;
};

class Link {
 public:
  virtual ~Link() = default;
  // Waits up to `timeout` for something; returns at once when there is anything. Records arrive exactly in order and
  // without repetition as long as every commit succeeds. Only records that will survive a crash are handed out. While
  // events come faster than they are taken, deltas may wait for more of them, within bounds.
  virtual Result<Poll> poll(Duration timeout, const PollLimits& limits) = 0;
  // The one point where an epoch becomes true. After an error nothing of it is; the link must be made anew.
  virtual Result<void> commit(Epoch epoch) = 0;
  // Committed rows of the partitions this link holds.
  virtual const View& view() const = 0;
  // Of every topic, where others than this program write to topic events and may choose the wrong one; 0: all records
  // lie where they belong.
  virtual int partitions() const { return 0; }
  // Ends a waiting poll; any thread.
  virtual void wake() = 0;
};

}  // namespace echoloop::stage

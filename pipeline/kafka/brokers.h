// The brokers as one worker of a member sees them: what it reads as a member of the group, what it writes in
// transactions, and the changelog. The protocol of kafka_link.cc rests on this and nothing else; kafka_brokers.cc has
// it from librdkafka, tests/kafka/memory_cluster.h from memory, and tests/kafka/contract_test.cc holds both to the
// same.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/stage/link.h"

namespace echoloop::kafka {

// A partition that the group gave this worker.
struct Given {
  stage::Partition partition;
  std::int64_t next_offset = -1;  // the first record that no transaction has processed; -1: from the beginning
  std::int64_t epoch = 0;         // of the shard, when that was committed
  int partitions = 0;  // each topic had then; 0: of an earlier version, or set by hand, without the other inputs
};

// Where to read on, the epoch of the shard that this is true of, and how many partitions each topic has. Those of all
// inputs of a shard are committed together.
struct Committed {
  stage::Position position;
  std::int64_t epoch = 0;
  int partitions = 0;
};

// Reads committed records of the changelog. One thread.
class ChangelogReader {
 public:
  virtual ~ChangelogReader() = default;
  struct Ends {
    std::int64_t low = 0, high = 0;  // of the first record that is left, and behind the last one
  };
  virtual Result<Ends> ends(int shard) = 0;
  // Whether there is any committed one. Before begin().
  virtual Result<bool> holds_records(int shard) = 0;
  // Begins at these offsets, by shard. Once.
  virtual Result<void> begin(const std::map<int, std::int64_t>& offsets) = 0;
  // Waits up to `timeout` for a record, then takes what else is there.
  using Visit = std::function<Result<void>(int shard, std::int64_t offset, std::string_view record)>;
  virtual Result<void> read(Duration timeout, const Visit& visit) = 0;
};

// One thread, but wake(). Error of all: away; after it, everything is to be opened anew. What was begun is then
// aborted.
class Brokers {
 public:
  virtual ~Brokers() = default;  // of a static member: the group waits for it to come back

  // Waits up to `timeout` for committed records or a change of the assignment. Adds slices; says what came beside them.
  struct News {
    std::optional<std::vector<Given>> given;  // all that this worker holds from now on, held back until release();
                                              // no transaction on them is under way any more
    bool taken = false;                       // what it held goes to others, after yield()
  };
  virtual Result<News> poll(Duration timeout, const stage::PollLimits& limits, std::vector<stage::Slice>& slices) = 0;
  // The records of the given partitions may come: their shards are restored.
  virtual Result<void> release() = 0;
  // The group may give what was taken to others.
  virtual Result<void> yield() = 0;
  // Every partition was read to its end.
  virtual bool at_end() const = 0;
  // Where a partition ends, as far as the brokers have said; 0: nothing yet.
  virtual std::int64_t end_of(stage::Partition partition) const = 0;
  virtual void wake() = 0;  // any thread

  // A transaction holds all that an epoch wrote and where it had read to; all of it becomes true or nothing, and only
  // while the group counts this worker as a member and nobody else writes in its name.
  virtual Result<void> begin() = 0;
  // Where the offset of the record stands once finish() has succeeded, until the next begin().
  using Offset = const std::int64_t*;
  virtual Result<Offset> write(stage::Output output, int partition) = 0;
  virtual Result<Offset> write_changelog(int shard, std::string_view record) = 0;
  virtual Result<void> finish(std::span<const Committed> offsets) = 0;

  virtual Result<std::unique_ptr<ChangelogReader>> read_changelog() = 0;
  // Records of the changelog of that shard before the offset may go, in the background.
  virtual void trim(int shard, std::int64_t before) = 0;
};

}  // namespace echoloop::kafka

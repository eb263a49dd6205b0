// The durable log of the topic `events` on one machine: P partitions in one sequence of segment files, so that one
// fsync covers everything that waits, whatever its partition. No timer: while one group is on its way to the disk the
// next one gathers.
//
// Offsets of a partition rise by one from 0. A record's time never lies before that of an earlier record of the log: it
// is raised to it. All functions are safe from any thread; records are readable once they are durable, the newest ones
// from memory.
//
// Opening cuts a torn tail: what a crash left of a group that was never acknowledged. Anything else that is not as it
// was written is an error that names file and position.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/base/result.h"
#include "pipeline/local/block.h"
#include "pipeline/stage/link.h"

namespace echoloop::local {

struct Append {
  stage::Kind kind{};
  std::string_view key;  // chooses the partition: partition_of(key, partitions)
  std::string_view value;
  Time at{};
};

enum class Sync {
  always,  // durable = fsynced
  never,   // durable = given to the operating system: survives the process, not the power
};

inline constexpr int kPartitions_default = 8;
inline constexpr int kPartitions_max = 4096;

struct LogOptions {
  std::optional<int> partitions;  // nothing: what the log has, kPartitions_default for a new one
  Compression compression = Compression::lz4;
  Sync sync = Sync::always;
  std::uint64_t segment_bytes = std::uint64_t{256} << 20;
  std::size_t ring_bytes = std::size_t{64} << 20;       // newest blocks kept in memory
  std::size_t in_flight_bytes = std::size_t{64} << 20;  // appended and not yet durable; appenders wait above it
  std::function<void()> on_durable = [] {};  // called from the writer's thread after each group; must not append
};

// What opening found and did.
struct Recovery {
  std::uint64_t cut_bytes = 0;  // of a torn tail
  std::string cut_file;
  int indexes_rebuilt = 0;
};

class EventLog {
  struct Group;

 public:
  // The promise of an append that is still on its way.
  class Ticket {
    friend class EventLog;
    std::shared_ptr<Group> group_;  // shared by the appenders of the group and the writer
  };

  // Makes the folder and the log where there is none. Errors (world): damaged, not accessible; (configuration): another
  // number of partitions.
  static Result<std::unique_ptr<EventLog>> open(const std::filesystem::path& folder, const LogOptions& options);
  ~EventLog();  // after writing what waits

  int partitions() const;
  // Drawn when the log was made; tells logs apart.
  const std::string& identity() const;
  const Recovery& recovery() const;
  // The first offset that is not durable yet.
  std::int64_t end_offset(int partition) const;
  // Durable bytes in all segments.
  std::uint64_t disk_bytes() const;

  // Returns when all of the records are durable, with the number of their group commit; records of one call are durable
  // together or not at all. Errors: bad_input for a record above kRecord_bytes_max; world when the disk is full
  // (nothing of the call is in the log; a later append works once there is room) or fails (no append works until the
  // log is opened anew).
  Result<std::uint64_t> append(std::span<const Append> records);
  // The same in two steps, for bulk. Waits only while too many bytes are in flight.
  Result<Ticket> append_async(std::span<const Append> records);
  Result<std::uint64_t> wait(const Ticket& ticket);

  // Durable records from that offset on, at least one where there is one. Error (world): damage, with file and
  // position.
  Result<stage::Slice> read(int partition, std::int64_t from_offset, const stage::PollLimits& limits) const;
  // The one record of that offset, or an empty slice when there is none.
  Result<stage::Slice> read_one(int partition, std::int64_t offset) const;

  // The newest time of a record; nothing while there is none.
  std::optional<Time> last_at() const;

  // Whole segments of records that are older than that time and lie before `ends`, one offset for each partition, may
  // be removed from the beginning of the log, except the one being written: is there one, and do it. Records of them
  // are gone: a read goes on behind them. Offsets stay. One thread at a time. Error (world): nothing is removed.
  bool has_old(Time older_than, const std::vector<std::int64_t>& ends) const;
  Result<void> remove_old(Time older_than, const std::vector<std::int64_t>& ends);

  // The next record of the partition gets at least this offset. For a log that lost its tail (sync never, power cut)
  // under a store that knows of more. Only before the first append.
  void skip_to(int partition, std::int64_t offset);

 private:
  struct State;
  explicit EventLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace echoloop::local
